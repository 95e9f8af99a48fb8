import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { embeddingsModelDir } from '../../src/core/model-folder-path.ts';
import { readSetupOverview } from '../../src/setup/overview.ts';
import type { SetupOptions } from '../../src/setup/request/setup-options.ts';
import { artefactsOf, lockArtefact } from '../../src/shipped/lock.ts';
import { readLockedAsset } from '../../src/shipped/locked-asset.ts';
import { detectHost, lockedMinors, platformKey, targetKey } from '../../src/shipped/target.ts';
import { openStore } from '../../src/store/store.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { MANAGED_UV_WHEELS, type ManagedUvPlatformKey } from '../../src/uv/release.ts';
import { writeForeignAsset } from '../fixtures/foreign-asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const assetDir = join(PACKAGE_ROOT, 'assets', 'python');
const { lock } = (await readLockedAsset(assetDir))!;
const host = await detectHost();
const wheels = artefactsOf(lock, targetKey(host, lock.python.version), ['core', 'local-embeddings']);
const model = lock.models!['local-embeddings']!.files.map((sha256) => lockArtefact(lock, sha256));
const uv = MANAGED_UV_WHEELS[`${host.platform}-${host.arch}` as ManagedUvPlatformKey]!;
const sum = (sizes: readonly (number | null)[]) => sizes.reduce<number>((total, size) => total + size!, 0);

describe('the first screen, with embeddings', () => {
  const open = async (runtimeRoot: string) => {
    const overview = await readSetupOverview({
      cliVersion: '0.1.0',
      features: ['core'],
      runtimeRoot,
      assetDir,
      env: {},
      homeDir: runtimeRoot,
    });
    return { ...overview, offer: overview.offers.find(({ feature }) => feature === 'local-embeddings')! };
  };

  it('adds up what the lock says: uv, wheels, model and environment; wheels stay in the store, that of uv too', async () => {
    const { offer, here } = await open(await temporaryFolder());
    const wheelBytes = sum(wheels.map(({ sizeBytes }) => sizeBytes));
    const modelBytes = sum(model.map(({ sizeBytes }) => sizeBytes));
    expect(offer.downloadBytes).toBe(wheelBytes + modelBytes + uv.sizeBytes);
    const unpackedBytes = sum(wheels.map((wheel) => wheel.unpackedBytes));
    expect(offer.diskBytes).toBe(unpackedBytes + wheelBytes + modelBytes + uv.sizeBytes + uv.binarySizeBytes);
    expect(here.find(({ label }) => label === 'embedding model')).toMatchObject({ isHere: false });
  });

  it.each<[string, Partial<SetupOptions>, boolean]>([
    ['a version', { python: { version: '3.15' } }, true],
    ['another version', { python: { version: '3.14' } }, false],
    ['the path of one', { python: { path: 'BIN/python3.15' } }, true],
    ['one that can be fetched', {}, false],
  ])('greys embeddings where the Python can only be 3.15: %s', async (_, choice, isGrey) => {
    const runtimeRoot = await temporaryFolder();
    const bin = join(runtimeRoot, '.pyenv/versions/3.15.2/bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'python3.15'), '#!/bin/sh\n', { mode: 0o755 });
    const python =
      typeof choice.python === 'object' && 'path' in choice.python
        ? { path: choice.python.path.replace('BIN', bin) }
        : choice.python;
    const { offers } = await readSetupOverview({
      ...{ cliVersion: '0.1.0', features: ['core'], runtimeRoot, assetDir, homeDir: runtimeRoot },
      ...{ ...choice, python },
      env: { HOME: runtimeRoot, PATH: '/nowhere' },
    });
    const [core, embeddings] = offers.map(({ unavailableReason }) => unavailableReason);
    expect(core).toBeNull();
    if (isGrey) expect(embeddings).toMatch(/^onnxruntime \S+ is not made for .* with Python 3\.15$/);
    else expect(embeddings).toBeNull();
  });

  it('says that Python may come on top, until its archive is in the store', async () => {
    const root = await temporaryFolder();
    expect((await open(root)).mayFetchPython).toBe(true);
    const archive = lockArtefact(lock, lock.python.archives[platformKey(host)]!);
    const path = openStore(sharedLayout(root).storeDir).pathOf(archive);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '');
    expect((await open(root)).mayFetchPython).toBe(false);
    const options = {
      cliVersion: '0.1.0',
      features: [],
      runtimeRoot: await temporaryFolder(),
      assetDir,
      env: {},
    };
    for (const python of ['system', { path: '/usr/bin/python3' }] as const)
      expect((await readSetupOverview({ ...options, python })).mayFetchPython).toBe(false);
  });

  it('counts for the Python whose packages are here', async () => {
    const root = await temporaryFolder();
    const store = openStore(sharedLayout(root).storeDir);
    const last = lockedMinors(lock, host).at(-1)!;
    for (const wheel of artefactsOf(lock, targetKey(host, last), ['core', 'local-embeddings'])) {
      await mkdir(dirname(store.pathOf(wheel)), { recursive: true });
      await writeFile(store.pathOf(wheel), '');
      await truncate(store.pathOf(wheel), wheel.sizeBytes!);
    }
    const modelBytes = sum(model.map(({ sizeBytes }) => sizeBytes));
    expect((await open(root)).offer.downloadBytes).toBe(modelBytes + uv.sizeBytes);
  });

  it('leaves out what is here: a model that was placed, a wheel in the store', async () => {
    const root = await temporaryFolder();
    const before = (await open(root)).offer;
    const folder = embeddingsModelDir(root);
    await mkdir(folder, { recursive: true });
    for (const { file } of model) await writeFile(join(folder, file), '');
    const { offer, here } = await open(root);
    expect(here.find(({ label }) => label === 'embedding model')).toMatchObject({ isHere: true });
    const modelBytes = sum(model.map(({ sizeBytes }) => sizeBytes));
    expect(before.downloadBytes! - offer.downloadBytes!).toBe(modelBytes);
    expect(before.diskBytes! - offer.diskBytes!).toBe(modelBytes);

    const [wheel] = wheels.toSorted((a, b) => a.sizeBytes! - b.sizeBytes!);
    const place = join(sharedLayout(root).storeDir, wheel!.sha256);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, wheel!.file), Buffer.alloc(wheel!.sizeBytes!));
    expect(offer.diskBytes! - (await open(root)).offer.diskBytes!).toBe(wheel!.sizeBytes);
  });
});

it('a foreign wheel has both features, and nobody knows what they weigh', async () => {
  const root = await temporaryFolder();
  await writeForeignAsset(join(root, 'assets'));
  const { offers } = await readSetupOverview({
    cliVersion: '0.1.0',
    features: ['core'],
    runtimeRoot: root,
    assetDir: join(root, 'assets'),
    env: {},
    homeDir: root,
  });
  const unknown = { downloadBytes: null, diskBytes: null, unavailableReason: null };
  expect(offers).toMatchObject([
    { feature: 'core', ...unknown },
    { feature: 'local-embeddings', ...unknown },
  ]);
});
