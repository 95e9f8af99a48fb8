import { appendFile, cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageVersion } from '../../src/core/program-version.ts';
import { withWriteAccess } from '../../src/runtime/write-access.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { type Interception, type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { LAUNCHER, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { openWheelhouse, type WheelhouseFile } from '../fixtures/wheelhouse.ts';
import { openTerminal } from '../pty/terminal.ts';

let wheelhouse: WheelhouseFile[];
let index: LoopbackIndex;
let other: LoopbackIndex;
let intercept: Interception = () => false;

beforeAll(async () => {
  wheelhouse = await openWheelhouse();
  index = await startLoopbackIndex(wheelhouse, (request, response) => intercept(request, response));
  other = await startLoopbackIndex(wheelhouse);
});
afterAll(() => Promise.all([index.close(), other.close()]));

it('a manifest that is not the one that was shipped is refused, though it fits its lock', async () => {
  const installed = join(await temporaryFolder(), 'ktx-setup');
  for (const part of ['bin', 'dist', 'package.json', 'assets/python']) {
    await cp(join(PACKAGE_ROOT, part), join(installed, part), { recursive: true });
  }
  await appendFile(join(installed, 'assets', 'python', 'manifest.json'), '\n');
  const home = await temporaryFolder();
  const launcher = join(installed, 'bin', 'ktx.cjs');
  const outcome = await runProgram(['setup', '--yes', '--index-url', index.url], {
    env: plainEnvironment(home),
    launcher,
  });
  expect(outcome.stderr).toContain('manifest.json of the bundled runtime is not as it was shipped');
  expect(outcome.exitCode).toBe(1);
  expect(index.requests).toEqual([]);
});

it('a host that the plan did not name is refused, and the flag that allows it is said', async () => {
  // The probe asks with HEAD and sees one host; the transfer is sent to another.
  intercept = (request, response) => {
    if (request.method !== 'GET' || !request.url?.startsWith('/files/')) return false;
    response.writeHead(302, { location: `http://${other.host}${request.url}` }).end();
    return true;
  };
  const home = await temporaryFolder();
  const env = plainEnvironment(home);
  const args = ['setup', '--yes', '--python', 'system', '--index-url', index.url];
  const refused = await runProgram(args, { env });
  expect(refused.stderr).toContain(other.host);
  expect(refused.stderr).toContain('--allow-host');
  expect(refused.exitCode).toBe(1);
  expect(other.requests).toEqual([]);

  const allowed = await runProgram([...args, '--allow-host', '127.0.0.1'], { env });
  expect(allowed.stderr).toBe('');
  expect(allowed.exitCode).toBe(0);
  intercept = () => false;
  // Nothing but our folder in the home: no cache of uv's, no shim, no configuration.
  expect(await readdir(home)).toEqual(['.ktx']);
});

it('a login in the address appears nowhere: not on the screen, not in the log, not in JSON', async () => {
  const home = await temporaryFolder();
  const secret = 'hunter2-hunter2';
  const withLogin = index.url.replace('http://', `http://someone:${secret}@`);
  const env = plainEnvironment(home, { PIP_INDEX_URL: withLogin });
  const json = await runProgram(['setup', '--yes', '--json', '--python', 'system'], { env });
  expect(json.exitCode).toBe(0);
  const plain = await runProgram(['setup', '--yes', '--force', '--python', 'system'], { env });
  expect(plain.exitCode).toBe(0);
  expect(json.stdout + json.stderr + plain.stdout + plain.stderr).not.toContain(secret);
  const { readFile } = await import('node:fs/promises');
  for (const path of await readdir(join(home, '.ktx'), { recursive: true, withFileTypes: true })) {
    if (!path.isFile() || !/\.(log|json|txt)$/.test(path.name)) continue;
    expect(await readFile(join(path.parentPath, path.name), 'utf8')).not.toContain(secret);
  }
});

it('a project that needs a feature gets it, and is told why', async () => {
  const home = await temporaryFolder();
  await writeFile(
    join(home, 'ktx.yaml'),
    'connections:\n  orders_dbt:\n    driver: looker\ningest:\n  embeddings:\n    backend: sentence-transformers\n',
  );
  const terminal = openTerminal({
    command: process.execPath,
    args: [LAUNCHER, 'setup', '--project-dir', home, '--index-url', index.url],
    env: plainEnvironment(home),
  });
  await terminal.until('Local sentence-transformers embeddings');
  expect(terminal.text()).toMatch(/› ◉ Core \+ local embeddings/);
  terminal.send('q');
  expect((await terminal.exited).exitCode).toBe(0);

  await writeFile(join(home, 'ktx.yaml'), 'connections: 3');
  const refused = await runProgram(['setup', '--yes', '--project-dir', home], {
    env: plainEnvironment(home),
  });
  expect(refused.stderr).toMatch(/ktx\.yaml cannot be read: connections/);
  expect(refused.exitCode).toBe(1);
});

it.each([
  ['install', 'Installed ktx Python runtime'],
  ['start', 'Started ktx daemon'],
])('ktx admin runtime %s says whom it waits for, and goes on when it may', async (command, end) => {
  const home = await temporaryFolder();
  await writeFile(join(home, 'ktx.yaml'), '');
  const env = plainEnvironment(home, { PIP_INDEX_URL: index.url, KTX_PROJECT_DIR: home });
  const runtimeRoot = join(home, '.ktx', 'runtime');
  const access = { runtimeRoot, versions: [packageVersion()], step: 'packages', note: () => {} };
  let running: ReturnType<typeof runProgram> | undefined;
  await withWriteAccess(access, async () => {
    const waits = Promise.withResolvers<string>();
    running = runProgram(['admin', 'runtime', command], { env, onStderr: waits.resolve });
    // One that ends instead fails here, not at the limit of the test.
    expect(await Promise.race([waits.promise, running])).toMatch(/^Waiting for another ktx.*step packages/);
  });
  expect(await running).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(end) });
  await runProgram(['admin', 'runtime', 'stop'], { env });
});
