import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import type { SetupEventBody } from '../../src/core/events.ts';
import { sharedLayout } from '../../src/core/layout.ts';
import { NetworkFailure } from '../../src/network/errors/network-failure.ts';
import type { Artefact } from '../../src/shipped/lock.ts';
import { type ArtefactStore, openStore } from '../../src/store/store.ts';
import { SetupError } from '../../src/support/errors.ts';
import { otherRemedy, USE_SYSTEM_PYTHON } from '../../src/support/remedies.ts';
import { sha256, wheelBytes } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({ locked: vi.fn(), network: vi.fn(), needed: vi.fn() }));
vi.mock('../../src/shipped/asset.ts', () => ({
  verifyRuntimeAsset: async () => ({ manifest: { wheel: { sha256: 'f'.repeat(64) } } }),
}));
vi.mock('../../src/shipped/locked-asset.ts', () => ({ readLockedAsset: fake.locked }));
vi.mock('../../src/setup/session/setup-network.ts', () => ({ setupNetwork: fake.network }));
vi.mock('../../src/bundle/pins.ts', async (original) => ({
  ...(await original<object>()),
  neededFiles: fake.needed,
}));
const { createBundle } = await import('../../src/bundle/create.ts');
const { readBundleContents } = await import('../../src/bundle/verify.ts');

const WHEEL = wheelBytes();
const CONTENT = {
  'zeta-1-py3-none-any.whl': WHEEL,
  'uv.tar.gz': Buffer.from('the archive of uv'),
  'cpython-3.13.1+20260101-x86_64-unknown-linux-gnu.tar.gz': Buffer.from('the archive of Python'),
  'model.onnx': Buffer.from('the weights'),
  'model.tar.gz': Buffer.from('the weights, packed'),
} as Record<string, Uint8Array>;
const PYTHON = 'cpython-3.13.1+20260101-x86_64-unknown-linux-gnu.tar.gz';
const artefact = (file: string, kind: Artefact['kind']): Artefact => ({
  file,
  kind,
  sha256: sha256(CONTENT[file]!),
  sizeBytes: CONTENT[file]!.length,
  unpackedBytes: null,
});
const FILES = {
  wheel: artefact('zeta-1-py3-none-any.whl', 'wheel'),
  uv: artefact('uv.tar.gz', 'uv'),
  python: artefact(PYTHON, 'python'),
  weights: artefact('model.onnx', 'model'),
  packed: artefact('model.tar.gz', 'model'),
};
const NEEDED = [
  { what: 'uv', alternatives: [[FILES.uv]] },
  { what: 'Python', alternatives: [[FILES.python]] },
  { what: 'wheel', alternatives: [[FILES.wheel]] },
  { what: 'the embedding model', alternatives: [[FILES.weights], [FILES.packed]] },
];
const pythonSha = FILES.python.sha256;
const LOCK = {
  python: { version: '3.13.1', archives: { 'linux-x64-gnu': pythonSha } },
  artefacts: {
    [pythonSha]: { file: PYTHON, kind: 'python', bytes: FILES.python.sizeBytes, unpackedBytes: null },
  },
};

let folder: string;
let runtimeRoot: string;
let fetched: { files: string[]; hasNextSource: boolean | undefined }[];
let isClosed: boolean;
/** Files that no source has, and the error for them. */
let missing: Record<string, unknown>;
let events: SetupEventBody[];
beforeEach(async () => {
  folder = await temporaryFolder();
  runtimeRoot = join(folder, 'runtime');
  fetched = [];
  missing = {};
  events = [];
  isClosed = false;
  fake.locked.mockReset().mockResolvedValue({ lock: LOCK, digestsFor: () => ({ lock: 'e'.repeat(64) }) });
  fake.needed.mockReset().mockReturnValue(NEEDED);
  fake.network.mockReset().mockReturnValue({
    fetch: async (
      store: ArtefactStore,
      files: Artefact[],
      _emit: unknown,
      _signal: unknown,
      options?: { hasNextSource: boolean },
    ) => {
      fetched.push({ files: files.map(({ file }) => file), hasNextSource: options?.hasNextSource });
      for (const file of files) {
        if (missing[file.file]) throw missing[file.file];
        const path = store.pathOf(file);
        await mkdir(join(path, '..'), { recursive: true });
        await writeFile(path, CONTENT[file.file]!);
      }
    },
    close: async () => {
      isClosed = true;
    },
  });
});

const create = (change: Partial<Parameters<typeof createBundle>[0]> = {}) =>
  createBundle({
    cliVersion: '0.3.0',
    assetDir: '/assets',
    runtimeRoot,
    env: {},
    homeDir: folder,
    platforms: ['linux-x64'],
    features: ['local-embeddings'],
    python: 'managed',
    output: join(folder, 'out.ktx'),
    emit: (event) => void events.push(event),
    ...change,
  });

const gone = (file: string, failureClass: 'network' | 'disk' = 'network') =>
  new SetupError(`${file} could not be fetched`, {
    failureClass,
    evidence: [`asked for ${file}`],
    remedies: [otherRemedy('Its own remedy'), USE_SYSTEM_PYTHON],
  });
const sourceGone = (file: string) => {
  const error = gone(file);
  return Object.setPrototypeOf(
    Object.assign(Object.create(NetworkFailure.prototype), {
      ...error,
      message: error.message,
      evidence: error.evidence,
      remedies: error.remedies,
      failureClass: 'network',
      reason: 'not-found',
      host: 'a.example',
    }),
    NetworkFailure.prototype,
  ) as NetworkFailure;
};

describe('a bundle', () => {
  it('lists what it holds in the order of its paths, each with origin and licence', async () => {
    const { contents, paths, sha256: digest } = await create();
    expect(paths).toEqual([join(folder, 'out.ktx')]);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    const { members, ...head } = contents;
    expect(head).toEqual({
      schemaVersion: 1,
      name: 'ktx-bundle',
      cliVersion: '0.3.0',
      lockSha256: 'e'.repeat(64),
      wheelSha256: 'f'.repeat(64),
      uvVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      pythonVersion: '3.13.1',
      platforms: ['linux-x64'],
      features: ['core', 'local-embeddings'],
    });
    expect(members.map(({ path }) => path)).toEqual(members.map(({ path }) => path).sort());
    expect(
      Object.fromEntries(
        members.map(({ path, kind, source, licence }) => [path.split('/').at(-1), [kind, source, licence]]),
      ),
    ).toEqual({
      'sbom.cdx.json': ['document', 'ktx', 'Apache-2.0'],
      'uv.tar.gz': ['uv', 'official builds', 'MIT OR Apache-2.0'],
      [PYTHON]: ['python', 'official builds', 'PSF-2.0'],
      'zeta-1-py3-none-any.whl': ['wheel', 'package index', expect.any(String)],
      'model.onnx': ['model', 'model hub', 'Apache-2.0'],
    });
    for (const member of members)
      expect(Object.keys(member).sort()).toEqual([
        'kind',
        'licence',
        'path',
        'sha256',
        'sizeBytes',
        'source',
      ]);
    expect(await readBundleContents(join(folder, 'out.ktx'))).toEqual(contents);
    expect(isClosed).toBe(true);
  });

  it('fetches what has no alternative together, and the rest by the first that can be had', async () => {
    await create();
    expect(fetched).toEqual([
      { files: ['uv.tar.gz', PYTHON, 'zeta-1-py3-none-any.whl'], hasNextSource: undefined },
      { files: ['model.onnx'], hasNextSource: true },
    ]);
    fetched.splice(0);
    missing = { 'model.onnx': sourceGone('model.onnx') };
    const { contents } = await create({ output: join(folder, 'second.ktx') });
    expect(fetched.slice(1)).toEqual([
      { files: ['model.onnx'], hasNextSource: true },
      { files: ['model.tar.gz'], hasNextSource: false },
    ]);
    expect(contents.members.some(({ path }) => path.endsWith('model.tar.gz'))).toBe(true);
  });

  it('names no Python where none comes along', async () => {
    expect((await create({ python: 'none' })).contents.pythonVersion).toBeNull();
    expect(fake.needed).toHaveBeenCalledWith({
      lock: LOCK,
      platforms: ['linux-x64'],
      features: ['core', 'local-embeddings'],
      python: 'none',
    });
  });

  it('lists its platforms in order, whatever was asked', async () => {
    expect((await create({ platforms: ['win32-x64', 'linux-x64'] })).contents.platforms).toEqual([
      'linux-x64',
      'win32-x64',
    ]);
  });

  it('leaves out what an earlier bundle held, and says so', async () => {
    const since = { ...(await create()).contents };
    since.members = since.members.filter(({ kind }) => kind === 'uv' || kind === 'wheel');
    const { contents, sizeBytes } = await create({ since, output: join(folder, 'second.ktx') });
    const omitted = contents.members.filter(({ isOmitted }) => isOmitted).map(({ kind }) => kind);
    expect(omitted.sort()).toEqual(['uv', 'wheel']);
    expect(sizeBytes).toBeGreaterThan(0);
  });
});

describe('what cannot be had', () => {
  test.each([
    ['Python', PYTHON, true],
    ['a wheel', 'zeta-1-py3-none-any.whl', false],
  ])('%s: its failure, and how to bring it along', async (_, file, isAboutPython) => {
    missing = { [file]: sourceGone(file) };
    const error = await create().catch((thrown: unknown) => thrown as SetupError);
    expect(error).toMatchObject({
      message: `${file} could not be fetched`,
      failureClass: 'network',
      evidence: [`asked for ${file}`],
    });
    const labels = (error as SetupError).remedies.map(({ label }) => label);
    expect(labels).toEqual([
      ...(isAboutPython
        ? [
            `Fetch ${PYTHON} where it can be fetched, then run`,
            'Leave Python out; the target then needs its own',
          ]
        : []),
      'Its own remedy',
    ]);
    expect(isClosed).toBe(true);
  });

  it('all alternatives: the failure of the first', async () => {
    missing = { 'model.onnx': sourceGone('model.onnx'), 'model.tar.gz': sourceGone('model.tar.gz') };
    await expect(create()).rejects.toMatchObject({ message: 'model.onnx could not be fetched' });
  });

  it('a full disk is no reason to try another source', async () => {
    missing = { 'model.onnx': gone('model.onnx', 'disk') };
    await expect(create()).rejects.toBe(missing['model.onnx']);
    expect(fetched.at(-1)?.files).toEqual(['model.onnx']);
    missing = { 'uv.tar.gz': gone('uv.tar.gz', 'disk') };
    await expect(create()).rejects.toBe(missing['uv.tar.gz']);
  });

  it('a wheel without a lock is refused before anything is fetched', async () => {
    fake.locked.mockResolvedValue(null);
    await expect(create()).rejects.toMatchObject({
      failureClass: 'platform',
      evidence: ['there is no lock.json in /assets'],
    });
    expect(fake.network).not.toHaveBeenCalled();
  });
});

describe('an archive of Python that was fetched by hand', () => {
  const byHand = async (text: string | Uint8Array) => {
    const path = join(folder, 'by-hand.tar.gz');
    await writeFile(path, text);
    return path;
  };

  it('is taken into the store when it is a pinned one', async () => {
    await create({ pythonArchives: [await byHand(CONTENT[PYTHON]!)] });
    const store = openStore(sharedLayout(runtimeRoot).storeDir);
    expect(await store.verify(FILES.python)).toBe('ok');
    // It is there already, and the file is not needed any more.
    await create({ pythonArchives: [await byHand(CONTENT[PYTHON]!)], output: join(folder, 'second.ktx') });
  });

  test.each([
    ['another', true, /^its sha256 is [0-9a-f]{64}$/],
    ['none', false, /^there is no such file$/],
  ])('is refused when it is %s, with those that would do', async (_, isThere, found) => {
    const path = isThere ? await byHand('other') : join(folder, 'none');
    await expect(create({ pythonArchives: [path] })).rejects.toMatchObject({
      message: `${path} is not a Python archive that this ktx pins.`,
      failureClass: 'verification',
      evidence: [expect.stringMatching(found), `pinned: ${PYTHON}, sha256 ${pythonSha}`],
    });
    expect(fetched).toEqual([]);
  });
});
