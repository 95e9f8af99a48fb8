import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { PUBLIC_FILES_URL, PUBLIC_INDEX_URL } from '../../../src/network/address/public-index.ts';
import { projectOfFile } from '../../../src/network/index/simple-index.ts';
import { discardPlan, planSetup } from '../../../src/setup/setup.ts';
import type { RuntimeLock } from '../../../src/shipped/lock.ts';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import { startInterceptingProxy } from '../../fixtures/intercepting-proxy.ts';
import { plainEnvironment } from '../../fixtures/program.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const indexHost = new URL(PUBLIC_INDEX_URL).host;
const fileHost = new URL(PUBLIC_FILES_URL).host;
const lock: RuntimeLock = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, 'assets', 'python', 'lock.json'), 'utf8'),
);

/** A plan for an empty home and a machine without settings, behind a proxy that answers for every host. */
async function planWith(answer: (path: string) => Uint8Array | string | null) {
  const home = await temporaryFolder();
  const proxy = await startInterceptingProxy(home, answer);
  onTestFinished(proxy.close);
  const plan = await planSetup({
    cliVersion: '0.3.0',
    features: ['core'],
    runtimeRoot: join(home, 'runtime'),
    homeDir: home,
    python: { path: '/usr/bin/python3' },
    env: { ...plainEnvironment(home), HTTPS_PROXY: proxy.url, SSL_CERT_FILE: proxy.caPath },
  });
  if (plan.status !== 'install') throw new Error('nothing to install');
  onTestFinished(() => discardPlan(plan));
  const askedOf = (host: string) =>
    proxy.requests.filter((request) => request.host === host).map(({ path }) => path);
  return { plan, askedOf };
}

it('the public index is not asked for a page while its files are where they were', async () => {
  const { plan, askedOf } = await planWith((path) =>
    path.startsWith('/packages/') ? Buffer.from('x') : null,
  );
  expect(askedOf(indexHost)).toEqual([]);
  // One of the wheels, and that of uv.
  expect(askedOf(fileHost)).toHaveLength(2);
  // The index too: it is asked where a file is that is not there after all.
  expect(plan.summary.hosts).toEqual(expect.arrayContaining([indexHost, fileHost]));
  expect(plan.tools.network.egress()).toEqual([]);
});

it('a file that is not where it was is looked for in its page', async () => {
  const moved = Object.entries(lock.artefacts).filter(([, { file }]) => file.startsWith('sqlglot-'));
  const { plan, askedOf } = await planWith((path) => {
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
    if (project !== undefined)
      return moved
        .filter(([, { file }]) => projectOfFile(file) === project)
        .map(([sha256, { file }]) => `<a href="https://other.example/${file}#sha256=${sha256}">${file}</a>`)
        .join('');
    const isMoved = moved.some(([, { publicPath }]) => path === `/${publicPath}`);
    return path.startsWith('/packages/') && isMoved ? null : Buffer.from('x');
  });
  expect(askedOf(indexHost)).toEqual(['/simple/sqlglot/']);
  expect(plan.summary.hosts).toContain('other.example');
});
