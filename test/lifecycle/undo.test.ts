import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, link, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { undoManagedPythonRuntime } from '../../src/lifecycle/undo.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { REFERENCE_VECTOR } from '../../src/proof/reference-vector.ts';
import { readHistory } from '../../src/runtime/history.ts';
import { openJournal, RUN_VARIABLE } from '../../src/runtime/journal.ts';
import { RUN_ID } from '../../src/runtime/left-runs.ts';
import { tryFileLock } from '../../src/support/fs/file-lock.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import { GOOD_ANALYSIS } from '../fixtures/analysis.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { writeScript } from '../fixtures/fake-daemon.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const A = 'aaaaaaaa';
const B = 'bbbbbbbb';

/** Two environments with fake interpreters; B is active. Programs that are run leave a trace. */
async function machine() {
  const root = await temporaryFolder();
  const runtimeRoot = join(root, 'runtime');
  const versionDir = join(runtimeRoot, '0.3.0');
  const environment = (id: string) => join(versionDir, 'envs', id);
  const pythonOf = (folder: string) => ({
    executable: join(folder, 'bin', 'python'),
    daemonExecutable: join(folder, 'bin', 'ktx-daemon'),
  });
  const manifest = await writeRuntime(runtimeRoot, '0.3.0', { python: pythonOf(environment(B)) });
  const record = async (id: string, python: object, previous = id === B ? A : null) =>
    writeFile(join(environment(id), 'environment.json'), JSON.stringify({ ...manifest, python, previous }));
  for (const id of [A, B]) {
    const answer = JSON.stringify({ prefix: environment(id), version: '3.13.0' });
    await writeScript(pythonOf(environment(id)).executable, `#!/bin/sh\necho '${answer}'\n`);
    await writeScript(pythonOf(environment(id)).daemonExecutable, '#!/bin/sh\nexit 7\n');
    await record(id, pythonOf(environment(id)));
  }
  const trace = join(root, 'was-run');
  const elsewhere = join(root, 'elsewhere', 'envs', A);
  for (const path of Object.values(pythonOf(elsewhere)))
    await writeScript(path, `#!/bin/sh\ntouch '${trace}'\n`);
  const undo = (note: () => void = () => {}) =>
    undoManagedPythonRuntime({ cliVersion: '0.3.0', runtimeRoot, note, env: { PATH: '/usr/bin:/bin' } });
  return { versionDir, environment, pythonOf, record, trace, elsewhere, undo };
}

type Machine = Awaited<ReturnType<typeof machine>>;

it('an environment in its place is asked itself', async () => {
  const m = await machine();
  await expect(m.undo()).rejects.toThrow(/the daemon does not start/);
});

it('an environment that does not work is no reason to build the one in use again', async () => {
  const error = await (await machine()).undo().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    message: expect.stringMatching(/^Nothing was switched: the other environment does not work\. /),
    nextSteps: [],
  });
});

/** Healthy, but does not support proofs, which the contract does not require. */
const SILENT_DAEMON = `#!${process.execPath}
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const body = JSON.stringify({ status: 'healthy', version: process.env.KTX_DAEMON_VERSION });
require('node:http').createServer((_, response) => response.end(body)).listen(port, '127.0.0.1');
setTimeout(() => process.exit(3), 700);
`;

it.each([
  ['of a foreign wheel', undefined, null],
  ['of ours', { lock: 'a'.repeat(64), requirements: 'b'.repeat(64) }, /the daemon does not/],
])('an environment %s whose daemon gives no proof', async (_name, locked, refusal) => {
  const m = await machine();
  await writeScript(m.pythonOf(m.environment(A)).daemonExecutable, SILENT_DAEMON);
  const path = join(m.environment(A), 'environment.json');
  const record = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...record, locked }));
  const undone = m.undo();
  if (refusal) await expect(undone).rejects.toThrow(refusal);
  else await expect(undone).resolves.toMatchObject({ direction: 'back' });
});

/** Ours, with embeddings: answers every request with this vector if it knows the model. */
const embeddingDaemon = (vector: readonly number[]) => `#!${process.execPath}
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const { createHmac } = require('node:crypto');
const { KTX_DAEMON_VERSION: version, KTX_DAEMON_SECRET: secret, KTX_EMBEDDINGS_MODEL_DIR: model } = process.env;
const proofOf = (challenge) =>
  createHmac('sha256', Buffer.from(secret, 'hex')).update('ktx-daemon\\nproof\\n' + port + '\\n' + challenge).digest('hex');
const answers = {
  '/health': { status: 'healthy', version },
  '/sql/analyze-batch': ${JSON.stringify(GOOD_ANALYSIS)},
};
if (model) answers['/embeddings/compute'] = { embedding: ${JSON.stringify(vector)} };
const answer = ({ url, headers }, response) => {
  const challenge = headers['x-ktx-challenge'];
  if (challenge) response.setHeader('x-ktx-proof', proofOf(challenge));
  response.end(JSON.stringify(answers[url] ?? null));
};
require('node:http').createServer(answer).listen(port, '127.0.0.1');
`;

it.each([
  ['the reference', REFERENCE_VECTOR, null],
  ['another one', REFERENCE_VECTOR.map((value) => value + 0.1), /it computes wrong vectors/],
])('an environment with embeddings computes a vector first: %s', async (_name, vector, refusal) => {
  const m = await machine();
  await writeScript(m.pythonOf(m.environment(A)).daemonExecutable, embeddingDaemon(vector));
  const path = join(m.environment(A), 'environment.json');
  const record = JSON.parse(await readFile(path, 'utf8'));
  const ofOurs = { features: ['core', 'local-embeddings'], locked: { lock: 'a', requirements: 'b' } };
  await writeFile(path, JSON.stringify({ ...record, ...ofOurs }));
  const undone = m.undo();
  if (refusal) await expect(undone).rejects.toThrow(refusal);
  else await expect(undone).resolves.toMatchObject({ direction: 'back' });
});

const cases: [string, (m: Machine) => Promise<unknown>][] = [
  [
    'its daemon elsewhere',
    (m) =>
      m.record(A, {
        ...m.pythonOf(m.environment(A)),
        daemonExecutable: m.pythonOf(m.elsewhere).daemonExecutable,
      }),
  ],
  ['both elsewhere', (m) => m.record(A, m.pythonOf(m.elsewhere))],
  [
    'a link in place of its folder',
    async (m) => {
      await rename(join(m.environment(A), 'environment.json'), join(m.elsewhere, 'environment.json'));
      await rename(m.environment(A), join(m.versionDir, 'aside'));
      await symlink(m.elsewhere, m.environment(A));
    },
  ],
];
it.each(cases)(
  'an environment whose record names %s is not gone to, and nothing is run',
  async (_name, alter) => {
    const m = await machine();
    await alter(m);
    const before = await readFile(join(m.versionDir, 'manifest.json'), 'utf8');
    await expect(m.undo()).rejects.toMatchObject({
      failureClass: 'conflict',
      message: expect.stringMatching(/^The other environment is not in its place: .*elsewhere/),
    });
    expect(await pathExists(m.trace)).toBe(false);
    expect(await readFile(join(m.versionDir, 'manifest.json'), 'utf8')).toBe(before);
  },
);

/** Passes every proof. */
const HEALTHY_DAEMON = `#!${process.execPath}
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const { KTX_DAEMON_VERSION: version, KTX_DAEMON_NONCE: nonce } = process.env;
const body = JSON.stringify({ status: 'healthy', version, nonce });
require('node:http').createServer((_, response) => response.end(body)).listen(port, '127.0.0.1');
`;

it('replaces the manifest and never writes into it; what killed runs left is put in order first', async () => {
  const m = await machine();
  await writeScript(m.pythonOf(m.environment(A)).daemonExecutable, HEALTHY_DAEMON);
  const runsDir = join(m.versionDir, '..', 'uv', 'runs');
  openJournal({ runsDir, cliVersion: '0.3.0' });
  const manifestPath = join(m.versionDir, 'manifest.json');
  const before = await readFile(manifestPath, 'utf8');
  const kept = join(m.versionDir, 'kept');
  // A hard link to the same file: a write into it would show there.
  await link(manifestPath, kept);
  await m.undo();
  expect(await readFile(kept, 'utf8')).toBe(before);
  expect(await readFile(manifestPath, 'utf8')).toContain(A);
  expect(await readdir(runsDir)).toEqual([]);
});

it('writes down where it went, and goes back and forward between the same two', async () => {
  const m = await machine();
  for (const id of [A, B]) await writeScript(m.pythonOf(m.environment(id)).daemonExecutable, HEALTHY_DAEMON);
  // A third one, in use, that names A as its previous one, as B does.
  const third = 'cccccccc';
  await cp(m.environment(B), m.environment(third), { recursive: true });
  await m.record(third, m.pythonOf(m.environment(third)), A);
  await cp('/bin/sleep', join(m.environment(third), 'bin', 'sleep'));
  const user = spawn(join(m.environment(third), 'bin', 'sleep'), ['600'], { stdio: 'ignore' });
  onTestFinished(() => void user.kill('SIGKILL'));
  await once(user, 'spawn');
  const went = [];
  for (let turn = 0; turn < 4; turn++) went.push((await m.undo()).to.environmentDir);
  expect(went).toEqual([A, B, A, B].map(m.environment));
  expect((await readHistory(m.versionDir)).map(({ action, to, back }) => `${action} ${back}>${to}`)).toEqual([
    `undo ${B}>${A}`,
    `redo ${A}>${B}`,
    `undo ${B}>${A}`,
    `redo ${A}>${B}`,
  ]);
  expect((await readdir(join(m.versionDir, 'envs'))).sort()).toEqual([A, B, third]);
});

it.each([
  ['its manifest is gone', (m: Machine) => rm(join(m.versionDir, 'manifest.json')), B],
  ['its manifest is empty', (m: Machine) => writeFile(join(m.versionDir, 'manifest.json'), ''), B],
  ['its folder is gone', (m: Machine) => rm(m.environment(B), { recursive: true }), A],
  ['its interpreter is gone', (m: Machine) => rm(m.pythonOf(m.environment(B)).executable), A],
])('an active environment that is lost is left for one that works: %s', async (_name, lose, wanted) => {
  const m = await machine();
  for (const id of [A, B]) await writeScript(m.pythonOf(m.environment(id)).daemonExecutable, HEALTHY_DAEMON);
  await lose(m);
  expect(await m.undo()).toMatchObject({ to: { environmentDir: m.environment(wanted) } });
});

it('with nothing to go to it names the runtime of an older ktx that is still here', async () => {
  const runtimeRoot = await temporaryFolder();
  await writeRuntime(runtimeRoot, '0.2.0');
  await writeRuntime(runtimeRoot, '0.3.0');
  await expect(undoManagedPythonRuntime({ cliVersion: '0.3.0', runtimeRoot })).rejects.toMatchObject({
    evidence: expect.arrayContaining([
      expect.stringMatching(/^The runtime of ktx 0\.2\.0 is still installed/),
    ]),
  });
});

it('what it starts carries the mark of its run, so that the next run finds it when this one is killed', async () => {
  const m = await machine();
  const { executable } = m.pythonOf(m.environment(A));
  const trace = `${m.trace}-mark`;
  await writeScript(executable, `#!/bin/sh\necho "$${RUN_VARIABLE}" > '${trace}'\nexit 1\n`);
  await expect(m.undo()).rejects.toThrow(/cannot be imported/);
  expect((await readFile(trace, 'utf8')).trim()).toMatch(RUN_ID);
});

it('after waiting it looks again at where it is: whoever it waited for may have switched', async () => {
  const m = await machine();
  await writeScript(m.pythonOf(m.environment(B)).daemonExecutable, HEALTHY_DAEMON);
  const locks = join(m.versionDir, '..', 'uv', 'locks');
  await mkdir(locks, { recursive: true });
  const lock = tryFileLock(join(locks, '0.3.0.lock'))!;
  const self = { pid: process.pid, start: readProcessStart(process.pid), host: hostname() };
  const holder = { ...self, step: 'undo', since: 'noon' };
  await writeFile(join(locks, '0.3.0.lock.holder.json'), JSON.stringify(holder));
  const waits = Promise.withResolvers<void>();
  const undone = m.undo(() => waits.resolve());
  await waits.promise;
  const manifestPath = join(m.versionDir, 'manifest.json');
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
  await writeFile(manifestPath, JSON.stringify({ ...manifest, python: m.pythonOf(m.environment(A)) }));
  lock.release();
  expect(await undone).toMatchObject({ direction: 'forward', to: { environmentDir: m.environment(B) } });
});
