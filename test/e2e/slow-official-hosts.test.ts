import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { discardPlan, planSetup } from '../../src/install/setup.ts';
import { startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { plainEnvironment } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { startServer } from '../network/fixtures.ts';

it('while official hosts are silent, the sources after them are asked', { timeout: 120_000 }, async () => {
  const home = await temporaryFolder();
  const index = await startLoopbackIndex(await openWheelhouse());
  const bin = join(home, 'bin');
  const ran = join(home, 'python-was-asked');
  await mkdir(bin);
  const shim = `#!/bin/sh\n: > '${ran}'\nexec /usr/bin/python3 "$@"\n`;
  await writeFile(join(bin, 'python3'), shim, { mode: 0o755 });
  const isNextAsked = {
    uv: () => index.requests.includes('/simple/uv/'),
    python: () => existsSync(ran),
  };
  // It answers when the next source was asked: who waits for it first hears nothing within the time of a probe.
  const official = await startServer(async (request, response) => {
    const isDue = isNextAsked[request.url!.includes('cpython') ? 'python' : 'uv'];
    while (!isDue() && !response.closed) await delay(10);
    response.writeHead(410).end();
  });
  onTestFinished(async () => {
    await official.close();
    await index.close();
  });
  const plan = await planSetup({
    cliVersion: '0.3.0',
    features: ['core'],
    runtimeRoot: join(home, 'runtime'),
    homeDir: home,
    indexUrl: index.url,
    env: { ...plainEnvironment(home), PATH: bin, UV_ASTRAL_MIRROR_URL: official.url },
  });
  if (plan.status !== 'install') throw new Error('nothing to install');
  await discardPlan(plan);
  const rejected = plan.summary.rows.flatMap((row) => row.rejected);
  expect(rejected).toHaveLength(2);
  for (const line of rejected) expect(line).toContain('410');
  expect(plan.summary.python.version).toMatch(/^3\.11\./);
});
