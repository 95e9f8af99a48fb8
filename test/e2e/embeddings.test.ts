import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SetupEvent, SetupResult } from '../../src/core/events.ts';
import { sharedLayout } from '../../src/core/layout.ts';
import { embeddingsModelDir } from '../../src/core/model-folder-path.ts';
import { allocateDaemonPort } from '../../src/daemon/http/port.ts';
import { setupEventSchema } from '../../src/present/event-schema.ts';
import { readLockedAsset } from '../../src/shipped/locked-asset.ts';
import { hashFile } from '../../src/store/store.ts';
import { fileIdentity } from '../../src/support/fs/file-identity.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import {
  type EmbeddingsRuntime,
  installEmbeddings,
  post,
  REFERENCE_ITEMS,
  type RunningDaemon,
  wrongVectors,
} from '../fixtures/embeddings-runtime.ts';
import { bytesIn } from '../fixtures/folder-size.ts';
import { startServer } from '../fixtures/network.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';
import { describeEmbedCommand } from './embed-command.ts';

let runtime: EmbeddingsRuntime;
let runtimeRoot: string;
let events: SetupEvent[];
let result: SetupResult;
let daemon: RunningDaemon;

/** The whole way, as a script goes it: an empty home, one command, a daemon, vectors. */
beforeAll(async () => {
  runtime = await installEmbeddings(await temporaryFolderForFile());
  runtimeRoot = join(runtime.home, '.ktx', 'runtime');
  events = runtime.setup.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const last = events.at(-1);
  if (last?.type !== 'done') throw new Error(`${runtime.setup.stdout.slice(-3000)}${runtime.setup.stderr}`);
  result = last.result;
  daemon = await runtime.start();
});
afterAll(() => runtime.endDaemons());

const compute = (body: unknown) => post(daemon.url, '/embeddings/compute', body);
const computeBulk = (body: unknown) => post(daemon.url, '/embeddings/compute-bulk', body);
/** Libraries and weights are mapped into memory as soon as they are loaded, by the daemon or by its engine process. */
const isModelLoaded = () =>
  [daemon.pid, ...childrenOf(daemon.pid)].some((pid) =>
    /onnxruntime|model\.safetensors/.test(readFileSync(`/proc/${pid}/maps`, 'utf8')),
  );
const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

describe('ktx setup --yes --feature local-embeddings --json on an empty home', () => {
  it('ends with exit code 0 and both features', () => {
    expect(runtime.setup).toMatchObject({ exitCode: 0, stderr: '' });
    for (const event of events.slice(1)) setupEventSchema.parse(event);
    expect(result).toMatchObject({ status: 'installed', features: ['core', 'local-embeddings'] });
  });

  it('contacted the hosts of the plan and no other, and fetched the bytes that it named', () => {
    const { plan } = events.find((event) => event.type === 'plan')!;
    expect(plan.hosts).toEqual(expect.arrayContaining(result.egress.map(({ host }) => host)));
    expect(result.downloadedBytes).toBe(plan.downloadBytes);
    expect(plan.rows.map(({ id }) => id)).toEqual(['uv', 'python', 'packages', 'model', 'environment']);
  });

  it('takes the room on the disk that the plan named', () => {
    const { plan } = events.find((event) => event.type === 'plan')!;
    const ratio = bytesIn(runtimeRoot) / plan.diskBytes!;
    // Python's compiled files are not in any list.
    expect(ratio).toBeGreaterThan(0.97);
    expect(ratio).toBeLessThan(1.05);
  });

  it("holds the model's files once, as they were pinned", async () => {
    const { lock } = (await readLockedAsset(join(PACKAGE_ROOT, 'assets', 'python')))!;
    const model = lock.models!['local-embeddings']!;
    const folder = embeddingsModelDir(runtimeRoot);
    const pinned = model.files.map((sha256) => ({ sha256, file: lock.artefacts[sha256]!.file }));
    expect((await readdir(folder)).sort()).toEqual(pinned.map(({ file }) => file).sort());
    for (const { file, sha256 } of pinned) expect(await hashFile(join(folder, file))).toBe(sha256);
    const kept = await readdir(sharedLayout(runtimeRoot).storeDir);
    for (const sha256 of [...model.files, model.container.artefact]) expect(kept).not.toContain(sha256);
  });

  it('the log tells of the proof with a vector', async () => {
    expect(await readFile(result.logPath, 'utf8')).toContain('computed the reference vector');
  });
});

describe('errors over HTTP, row by row', () => {
  const many = Array.from({ length: 101 }, () => 'a');

  it.each([
    ['no field', '/embeddings/compute', {}],
    ['a field of another type', '/embeddings/compute', { text: 1 }],
    ['null', '/embeddings/compute', { text: null }],
    ['an empty text', '/embeddings/compute', { text: '' }],
    ['no JSON', '/embeddings/compute', 'text=hello'],
    ['another shape', '/embeddings/compute', ['hello']],
    ['bulk: no field', '/embeddings/compute-bulk', { text: 'a' }],
    ['bulk: a text', '/embeddings/compute-bulk', { texts: 'a' }],
    ['bulk: an item of another type', '/embeddings/compute-bulk', { texts: ['a', 2] }],
    ['bulk: none', '/embeddings/compute-bulk', { texts: [] }],
    ['bulk: more than 100', '/embeddings/compute-bulk', { texts: many }],
  ])('422 with a list of what is wrong: %s', async (_name, path, body) => {
    const answer = await post(daemon.url, path, body);
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toEqual([
      expect.objectContaining({ type: expect.any(String), loc: expect.any(Array), msg: expect.any(String) }),
    ]);
  });

  it.each([
    ['/embeddings/compute', { text: ' \t\n ' }, '0'],
    ['/embeddings/compute-bulk', { texts: ['a', '', 'b', '  '] }, '1, 3'],
    ['/embeddings/compute-bulk', { texts: [''] }, '0'],
  ])('400 for blank texts: %s %o', async (path, body, indices) => {
    expect(await post(daemon.url, path, body)).toEqual({
      status: 400,
      body: { detail: `Empty texts found at indices: ${indices}` },
    });
  });

  it('404 for code', async () => {
    expect(await post(daemon.url, '/code/execute', { code: '1' })).toMatchObject({ status: 404 });
  });

  it('nothing of this loaded the model, nor did the start: the first vector does', async () => {
    expect(isModelLoaded()).toBe(false);
    expect(await (await fetch(`${daemon.url}/health`)).json()).toMatchObject({
      status: 'healthy',
      version: result.cliVersion,
    });
    expect(isModelLoaded()).toBe(false);
    expect((await compute({ text: 'a' })).status).toBe(200);
    expect(isModelLoaded()).toBe(true);
  });

  it('500 with the reason when there is no model; health answers, and other requests', async () => {
    const broken = await serve(result.daemonPath, ['serve-http'], { KTX_EMBEDDINGS_MODEL_DIR: runtime.home });
    const answer = await post(broken, '/embeddings/compute', { text: 'a' });
    expect(answer.status).toBe(500);
    expect(answer.body.detail).toMatch(/^Daemon request failed: the embedding model in .* is not complete/);
    expect((await fetch(`${broken}/health`)).status).toBe(200);
    expect((await post(broken, '/embeddings/compute', {})).status).toBe(422);
  });

  it('400 for more than a provider takes, 500 for whatever it throws', async () => {
    const script = `
import sys, uvicorn
from ktx_daemon.app import create_app
from ktx_daemon.embeddings import EmbeddingService
class Provider:
    max_batch_size = 2
    def embed(self, texts):
        if texts == ["short"]: return [[0.0]]
        raise ValueError("no luck today")
uvicorn.run(create_app(EmbeddingService(Provider)), port=int(sys.argv[-1]), log_level="critical")
`;
    const odd = await serve(result.pythonPath, ['-I', '-c', script], {});
    expect(await post(odd, '/embeddings/compute-bulk', { texts: ['a', 'b', 'c'] })).toEqual({
      status: 400,
      body: { detail: 'Maximum 2 texts allowed per batch' },
    });
    expect(await post(odd, '/embeddings/compute', { text: 'a' })).toEqual({
      status: 500,
      body: { detail: 'Daemon request failed: no luck today' },
    });
    expect(await post(odd, '/embeddings/compute', { text: 'short' })).toMatchObject({
      status: 500,
      body: { detail: expect.stringMatching(/^Daemon request failed: .* 1 numbers instead of 384/) },
    });
  });

  it('a foreign Host is refused, and a body that is too large before it is sent', async () => {
    const ask = (headers: Record<string, string | number>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const call = request(`${daemon.url}/embeddings/compute`, { method: 'POST', headers }, (response) => {
          resolve(response.statusCode);
          call.destroy();
        });
        call.on('error', reject);
        call.flushHeaders();
      });
    expect(await ask({ host: 'rebound.example', 'content-length': 2 })).toBe(403);
    expect(await ask({ 'content-length': 17 * 1024 * 1024 })).toBe(413);
  });
});

describe('vectors', () => {
  const texts = REFERENCE_ITEMS.map(({ text }) => text);

  it('one by one', async () => {
    for (const item of REFERENCE_ITEMS) {
      const { status, body } = await compute({ text: item.text });
      expect(status).toBe(200);
      expect(wrongVectors([item], [body.embedding])).toEqual([]);
      expect(body.embedding).toHaveLength(384);
    }
  });

  it.each([1, 2, 3, 5, 7, 16])('in batches of %i', async (size) => {
    for (let start = 0; start < texts.length; start += size) {
      const { body } = await computeBulk({ texts: texts.slice(start, start + size) });
      expect(wrongVectors(REFERENCE_ITEMS.slice(start, start + size), body.embeddings)).toEqual([]);
    }
  });

  it('in any order, with repeats, 100 at once', async () => {
    const reversed = REFERENCE_ITEMS.toReversed();
    const rotated = [...REFERENCE_ITEMS.slice(5), ...REFERENCE_ITEMS.slice(0, 5)];
    const hundred = Array.from({ length: 100 }, (_, index) => REFERENCE_ITEMS[(index * 7) % texts.length]!);
    for (const items of [reversed, rotated, hundred]) {
      const { body } = await computeBulk({ texts: items.map(({ text }) => text) });
      expect(wrongVectors(items, body.embeddings)).toEqual([]);
    }
  });

  it('health answers while a bulk is computed', async () => {
    const longest = texts.reduce((a, b) => (b.length > a.length ? b : a));
    let isComputed = false;
    const bulk = computeBulk({ texts: Array(30).fill(longest) }).then((answer) => {
      isComputed = true;
      return answer;
    });
    expect((await fetch(`${daemon.url}/health`)).status).toBe(200);
    expect(isComputed).toBe(false);
    expect((await bulk).status).toBe(200);
  });
});

describeEmbedCommand(() => runtime);

describe('afterwards', () => {
  it('a second setup says ready, without a process and without a connection', async () => {
    const guard = join(PACKAGE_ROOT, 'test', 'fixtures', 'no-outside.mjs');
    const args = ['setup', '--yes', '--no-input', '--json', '--feature', 'local-embeddings'];
    const second = await runProgram(args, { env: runtime.env, nodeArgs: ['--import', guard] });
    expect(second).toMatchObject({ exitCode: 0, stderr: '' });
    const last = JSON.parse(second.stdout.trim().split('\n').at(-1)!);
    expect(last).toMatchObject({ type: 'done', result: { status: 'ready', features: result.features } });
  });

  it('another home has nothing of it', async () => {
    const home = await temporaryFolder();
    const args = ['setup', '--yes', '--no-input', '--offline', '--feature', 'local-embeddings'];
    const other = await runProgram(args, { env: plainEnvironment(home) });
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain('--offline');
    expect(existsSync(embeddingsModelDir(join(home, '.ktx', 'runtime')))).toBe(false);
  });

  it('SIGTERM ends the daemon', async () => {
    process.kill(daemon.pid, 'SIGTERM');
    await vi.waitFor(async () => expect(await runtime.daemonPids()).toEqual([]), PATIENT);
  });

  it.each([
    ['the smallest bit of one weight, of which no vector tells', 'model.safetensors', -4],
    ['what the proof cannot compute without', 'tokenizer.json', 0],
  ])(
    'a model that rotted unseen since the last install is found out before the switch: %s',
    async (_, name, at) => {
      const path = join(embeddingsModelDir(runtimeRoot), name);
      const known = join(runtimeRoot, 'uv', 'known-files');
      const force = (...more: string[]) =>
        runProgram(['setup', '--yes', '--no-input', '--force', '--feature', 'local-embeddings', ...more], {
          env: runtime.env,
        });
      const flip = async () => {
        const bytes = await readFile(path);
        bytes[(at + bytes.length) % bytes.length]! ^= 1;
        await writeFile(path, bytes);
      };
      const identity = (await fileIdentity(path))!;
      await flip();
      const text = await readFile(known, 'utf8');
      expect(text).toContain(identity);
      await writeFile(known, text.replace(identity, (await fileIdentity(path))!));
      const found = await force('--offline');
      expect(found.exitCode).toBe(1);
      expect(found.stderr).toContain(`${path} is not as it was fetched`);
      expect(found.stderr).toContain('still works');
      // Nothing is taken as known any more: the plan says what it needs.
      const again = await force('--offline');
      expect(again.stderr).toContain('The embedding model must be fetched, and --offline forbids it');
      await flip();
      expect((await force('--offline')).exitCode).toBe(0);
    },
  );

  it('a hub with other bytes is told, and the package index sends the model', async () => {
    const folder = embeddingsModelDir(runtimeRoot);
    await rm(folder, { recursive: true });
    const size = 90_868_376;
    const hub = await startServer((request, response) => {
      response.writeHead(200, { 'content-length': request.method === 'HEAD' ? size : 4 });
      response.end(request.method === 'HEAD' ? undefined : 'oops');
    });
    onTestFinished(hub.close);
    const again = await runProgram(
      ['setup', '--yes', '--no-input', '--json', '--force', '--feature', 'local-embeddings'],
      { env: { ...runtime.env, HF_ENDPOINT: hub.url } },
    );
    expect(again).toMatchObject({ exitCode: 0, stderr: '' });
    const told: SetupEvent[] = again.stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => setupEventSchema.parse(JSON.parse(line)));
    const { plan } = told.find((event) => event.type === 'plan')!;
    expect(plan.rows.find(({ id }) => id === 'model')).toMatchObject({ from: 'model hub', place: hub.host });
    const { lost, next } = told.find((event) => event.type === 'source')!;
    expect(lost.place).toBe(hub.host);
    expect(lost.reason).toContain(`${hub.host} sent another`);
    const { result: installed } = told.at(-1) as Extract<SetupEvent, { type: 'done' }>;
    expect(plan.hosts).toEqual(expect.arrayContaining(installed.egress.map(({ host }) => host)));
    const log = await readFile(installed.logPath, 'utf8');
    expect(log).toContain(`The embedding model came from: ${next.from} (${next.place}).`);
    // Proved with a vector on the way: these are the right files.
    expect((await readdir(folder)).length).toBe(3);
  });
});

/** Starts something that listens on the port given last, for the length of one test. @returns its address. */
async function serve(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const port = await allocateDaemonPort();
  const child = spawn(command, [...args, '--port', String(port)], {
    env: { ...runtime.env, ...env },
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/health`)).ok).toBe(true), PATIENT);
  return url;
}
