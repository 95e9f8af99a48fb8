import { describe, expect, it } from 'vitest';
import { foreignOffer, lockedOffers, modelFiles, type WhatIsHere } from '../../src/setup/offers.ts';
import type { RuntimeLock } from '../../src/shipped/lock.ts';
import type { HostPlatform } from '../../src/shipped/target.ts';
import { MANAGED_UV_WHEELS } from '../../src/uv/release.ts';

const HOST: HostPlatform = {
  platform: 'linux',
  arch: 'x64',
  libc: 'gnu',
  glibcVersion: '2.36',
  macosVersion: null,
};
const UV = MANAGED_UV_WHEELS['linux-x64'];

const digest = (letter: string) => letter.repeat(64);
const [CORE, CORE_OLD, VECTORS, MODEL, BIG] = ['a', 'b', 'c', 'd', 'e'].map(digest) as [string, ...string[]];
const entry = (file: string, bytes: number | null, unpackedBytes: number | null, kind = 'wheel') =>
  ({ file, kind, bytes, unpackedBytes }) as RuntimeLock['artefacts'][string];

/** Three minors; `targets` replaces some of them. */
function lockWith(targets: RuntimeLock['targets'] = {}): RuntimeLock {
  const both = { core: [CORE], 'local-embeddings': [VECTORS!] };
  return {
    schemaVersion: 1,
    python: { version: '3.13.5', build: 'b', archives: {} },
    artefacts: {
      [CORE]: entry('core.whl', 1000, 4000),
      [CORE_OLD!]: entry('core-old.whl', 1100, 4400),
      [VECTORS!]: entry('vectors.whl', 20_000, 90_000),
      [MODEL!]: entry('model.onnx', 500_000, 500_000, 'model'),
      [BIG!]: entry('unknown.whl', null, 7),
    },
    models: {
      'local-embeddings': {
        repository: 'a/b',
        revision: 'r',
        files: [MODEL!],
        container: { artefact: BIG!, folder: 'f' },
      },
    },
    targets: {
      'linux-x64-gnu-cp312': { minimum: {}, features: { ...both, core: [CORE_OLD!] } },
      'linux-x64-gnu-cp313': { minimum: {}, features: both },
      'linux-x64-gnu-cp314': { minimum: {}, features: both },
      ...targets,
    },
  } as RuntimeLock;
}

const here = (more: Partial<WhatIsHere> = {}): WhatIsHere => ({
  hasUv: true,
  storedDigests: new Set(),
  modelFiles: new Set(),
  ...more,
});
const offersOf = (
  lock: RuntimeLock,
  host = HOST,
  what = here(),
  atHand: ReadonlySet<string> | null = null,
) => {
  const [core, embeddings] = lockedOffers(lock, host, what, atHand);
  return { core: core!, embeddings: embeddings! };
};
const nothing = [lockWith(), HOST, here()] as const;

describe('what a feature costs', () => {
  it('is its packages, those of core with them, and its model; the verified files stay', () => {
    const { core, embeddings } = offersOf(...nothing);
    expect(core).toMatchObject({ feature: 'core', downloadBytes: 1000, diskBytes: 5000 });
    expect(embeddings).toMatchObject({
      feature: 'local-embeddings',
      downloadBytes: 1000 + 20_000 + 500_000,
      diskBytes: 4000 + 90_000 + 1000 + 20_000 + 500_000,
    });
    for (const { title, description, unavailableReason } of [core, embeddings])
      expect([title !== '', description !== '', unavailableReason]).toEqual([true, true, null]);
  });

  it.each([
    ['a package in the store', { storedDigests: new Set([CORE]) }, -1000, -1000],
    ['a model in its folder', { modelFiles: new Set(['model.onnx']) }, -500_000, -500_000],
    ['another file there', { modelFiles: new Set(['other.onnx']) }, 0, 0],
    ['no uv', { hasUv: false }, UV.sizeBytes, UV.sizeBytes + UV.binarySizeBytes],
  ])('with %s', (_, what, download, disk) => {
    const before = offersOf(...nothing).embeddings;
    const { embeddings } = offersOf(lockWith(), HOST, here(what));
    expect(embeddings.downloadBytes! - before.downloadBytes!).toBe(download);
    expect(embeddings.diskBytes! - before.diskBytes!).toBe(disk);
  });

  it('is time as well: at 100 Mbit/s, 140 MB/s unpacked, and three seconds of proof', () => {
    const large = lockWith();
    large.artefacts[CORE] = entry('core.whl', 12_500_000, 140_000_000 - 12_500_000);
    expect(offersOf(large).core.expectedMs).toBe(1000 + 1000 + 3000);
    const none = lockWith();
    none.artefacts[CORE] = entry('core.whl', 0, 0);
    expect(offersOf(none).core.expectedMs).toBe(3000);
  });

  it.each([
    ['a download', entry('core.whl', null, 4000)],
    ['a package unpacked', entry('core.whl', 1000, null)],
  ])('is unknown where the size of %s is', (_, unknown) => {
    const lock = lockWith();
    lock.artefacts[CORE] = unknown;
    const { core } = offersOf(lock);
    expect(core.downloadBytes).toBe(unknown.bytes);
    expect([core.diskBytes, core.expectedMs]).toEqual([null, null]);
  });

  it('is unknown where there is no uv for the machine', () => {
    const targets = { 'sunos-x64-cp313': { minimum: {}, features: { core: [CORE] } } };
    const host = { ...HOST, platform: 'sunos' as const, libc: null };
    expect(offersOf(lockWith(targets), host, here({ hasUv: false })).core).toMatchObject({
      downloadBytes: null,
      diskBytes: null,
      expectedMs: null,
      unavailableReason: null,
    });
  });
});

describe('the Python that it is counted for', () => {
  // Only 3.12 has the older core.
  const isFor312 = (...given: Parameters<typeof lockedOffers>) =>
    offersOf(...given).core.downloadBytes === 1100;

  it('is the one that ktx installs', () => {
    const lock = lockWith();
    expect(isFor312(lock, HOST, here())).toBe(false);
    lock.python.version = '3.12.1';
    expect(isFor312(lock, HOST, here())).toBe(true);
  });

  it('is the one whose packages are here', () => {
    const stored = new Set([CORE_OLD!, VECTORS!]);
    const { core, embeddings } = offersOf(lockWith(), HOST, here({ storedDigests: stored }));
    expect(core.downloadBytes).toBe(0);
    expect(embeddings.downloadBytes).toBe(500_000);
  });

  it('is one that is at hand', () => {
    expect(isFor312(lockWith(), HOST, here(), new Set(['3.12']))).toBe(true);
    expect(isFor312(lockWith(), HOST, here(), new Set(['3.12', '3.13']))).toBe(false);
    expect(isFor312(lockWith(), HOST, here(), null)).toBe(false);
  });

  it('is another where the feature is not available for it', () => {
    const targets = {
      'linux-x64-gnu-cp313': { minimum: {}, features: { core: { unavailable: 'no core' } } },
      'linux-x64-gnu-cp314': { minimum: {}, features: { core: { unavailable: 'no core' } } },
    } as RuntimeLock['targets'];
    expect(isFor312(lockWith(targets), HOST, here())).toBe(true);
  });
});

describe('what is not available', () => {
  const UNKNOWN = { downloadBytes: null, diskBytes: null, expectedMs: null };

  it('says why of the Python that ktx installs, else of the newest', () => {
    const no = (unavailable: string) => ({ minimum: {}, features: { core: { unavailable } } });
    const targets = {
      'linux-x64-gnu-cp312': no('none for 3.12'),
      'linux-x64-gnu-cp313': no('none for 3.13'),
      'linux-x64-gnu-cp314': no('none for 3.14'),
    } as RuntimeLock['targets'];
    expect(offersOf(lockWith(targets)).core).toMatchObject({
      ...UNKNOWN,
      unavailableReason: 'none for 3.13',
    });
    const without = offersOf(lockWith(targets), HOST, here(), new Set(['3.12', '3.14']));
    expect(without.core.unavailableReason).toBe('none for 3.14');
    expect(without.embeddings.unavailableReason).toBe('none for 3.14');
  });

  it('names the machine that nothing is locked for', () => {
    const host = { ...HOST, arch: 'riscv64' };
    expect(offersOf(lockWith(), host).core).toMatchObject({
      ...UNKNOWN,
      feature: 'core',
      unavailableReason: 'nothing is locked for linux-riscv64',
    });
    expect(offersOf(lockWith(), HOST, here(), new Set(['3.9'])).core.unavailableReason).toBe(
      'nothing is locked for linux-x64',
    );
  });
});

it('a wheel without a lock has every feature, at unknown cost', () => {
  expect(foreignOffer('core')).toEqual({
    feature: 'core',
    title: 'Core',
    description: expect.any(String),
    downloadBytes: null,
    diskBytes: null,
    expectedMs: null,
    unavailableReason: null,
  });
});

it('a model belongs to its feature', () => {
  expect(modelFiles(lockWith(), ['core'])).toEqual([]);
  expect(modelFiles(lockWith(), ['core', 'local-embeddings']).map(({ file }) => file)).toEqual([
    'model.onnx',
  ]);
  const { models: _, ...without } = lockWith();
  expect(modelFiles(without as RuntimeLock, ['local-embeddings'])).toEqual([]);
});
