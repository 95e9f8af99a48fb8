import { chmod, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { embeddingsModelDir } from '../../../src/core/model-folder-path.ts';
import type { Facts } from '../../../src/doctor/checks/context.ts';
import type { InstalledKtxRuntimeManifest } from '../../../src/runtime/manifest.ts';
import type { LockedAsset } from '../../../src/shipped/locked-asset.ts';
import { type HostPlatform, targetKey } from '../../../src/shipped/target.ts';
import { sha256 } from '../../fixtures/asset.ts';
import { scriptedRuntime } from '../../fixtures/scripted-runtime.ts';

/** What a runtime was built from. */
const LOCKED = { lock: 'l', requirements: 'r' };

type World = Awaited<ReturnType<typeof scriptedRuntime>>;
let root: World['root'];
let venv: World['venv'];
let manifest: World['manifest'];
let surroundings: World['surroundings'];
let waits: World['waits'];
let run: World['run'];
beforeEach(async () => {
  ({ root, venv, manifest, surroundings, waits, run } = await scriptedRuntime());
});

describe('packages of the environment', () => {
  const HOST = {
    platform: 'linux',
    arch: 'x64',
    libc: 'gnu',
    glibcVersion: '2.36',
  } as unknown as HostPlatform;
  const WHEEL = 'a'.repeat(64);
  const EXTRA = 'b'.repeat(64);
  const MODEL = sha256('weights');
  const artefact = (file: string, kind: string, bytes: number | null) => ({
    file,
    kind,
    bytes,
    unpackedBytes: null,
  });
  const lock = {
    targets: {
      [targetKey(HOST, '3.13.1')]: { minimum: {}, features: { core: [WHEEL], 'local-embeddings': [EXTRA] } },
    },
    artefacts: {
      [WHEEL]: artefact('My_Six-1.16.0-py3-none-any.whl', 'wheel', 3),
      [EXTRA]: artefact('onnx-2-py3-none-any.whl', 'wheel', 3),
      [MODEL]: artefact('model.onnx', 'model', 7),
    },
    models: { 'local-embeddings': { files: [MODEL], container: { artefact: WHEEL } } },
  };
  const sitePackages = () => join(venv, 'lib', 'python3.13', 'site-packages');
  const facts = (changes: Partial<InstalledKtxRuntimeManifest> = {}): Partial<Facts> => ({
    active: async () => {
      const { layout } = await surroundings.facts.active();
      return { layout, manifest: { ...manifest, locked: LOCKED, ...changes } };
    },
    host: async () => HOST,
    lockedAsset: async () => ({ lock }) as unknown as LockedAsset,
  });

  beforeEach(async () => {
    for (const [name, text] of Object.entries({ my_six: 'six', kaelio_ktx: 'ktx' })) {
      const version = name === 'my_six' ? '1.16.0' : '0.1.0';
      const info = join(sitePackages(), `${name}-${version}.dist-info`);
      await mkdir(info, { recursive: true });
      await mkdir(join(sitePackages(), name));
      await writeFile(join(sitePackages(), name, '__init__.py'), text);
      const digest = Buffer.from(sha256(text), 'hex').toString('base64url');
      await writeFile(
        join(info, 'RECORD'),
        `${name}/__init__.py,sha256=${digest},3\n../../../bin/x,sha256=${digest},3\n`,
      );
    }
  });

  test('those of the lock', async () => {
    expect(await run('packages', facts())).toEqual({
      status: 'pass',
      detail: `kaelio-ktx 0.1.0 and 1 package as locked for ${targetKey(HOST, '3.13.1')}`,
    });
    expect((await run('packages', facts({ features: ['core', 'local-embeddings'] }))).detail).toBe(
      'onnx 2 is missing',
    );
  });

  test('one of another version, and one that is too many', async () => {
    await rename(
      join(sitePackages(), 'kaelio_ktx-0.1.0.dist-info'),
      join(sitePackages(), 'kaelio_ktx-0.0.9.dist-info'),
    );
    await mkdir(join(sitePackages(), 'more-1.dist-info'));
    const found = await run('packages', facts());
    expect(found).toMatchObject({ status: 'fail', repairs: ['rebuild-environment'] });
    expect(found.detail.split('; ').sort()).toEqual([
      'kaelio-ktx is 0.0.9 instead of 0.1.0',
      'more 1 is not in the lock',
    ]);
  });

  test('more than three are counted', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await mkdir(join(sitePackages(), `${name}-1.dist-info`));
    expect((await run('packages', facts())).detail).toMatch(/^(?:\w 1 is not in the lock; ){3}2 more$/);
    await rm(join(sitePackages(), 'a-1.dist-info'), { recursive: true });
    await rm(join(sitePackages(), 'b-1.dist-info'), { recursive: true });
    expect((await run('packages', facts())).detail).toMatch(
      /^\w 1 is not in the lock(?:; \w 1 is not in the lock){2}$/,
    );
  });

  test('a folder of packages that is gone', async () => {
    await rm(sitePackages(), { recursive: true });
    expect(await run('packages', facts())).toEqual({
      status: 'fail',
      detail: `The folder of the packages is missing: ${sitePackages()}`,
      repairs: ['rebuild-environment'],
    });
  });

  test.each([
    ['a wheel without a lock', { lockedAsset: async () => null }, {}],
    ['a runtime built without one', {}, { locked: undefined }],
  ])('%s cannot be compared', async (_, more, changes) => {
    expect(await run('packages', { ...facts(changes), ...more })).toEqual({
      status: 'skipped',
      detail: 'this wheel has no lock',
    });
  });

  test('files of the right size and content', async () => {
    expect(await run('files', facts())).toEqual({
      status: 'pass',
      detail: '2 files of the size in their wheel',
    });
    expect(await run('digests', facts())).toEqual({
      status: 'pass',
      detail: '2 files with the digest of their wheel',
    });
    expect(waits).toEqual(['hashing the files of the environment']);
  });

  const module = () => join(sitePackages(), 'my_six', '__init__.py');
  test.each<[string, () => Promise<unknown>, string | null, string | null]>([
    [
      'cut short',
      () => truncate(module(), 1),
      'my_six/__init__.py has 1 of 3 bytes',
      'my_six/__init__.py has 1 of 3 bytes',
    ],
    ['altered', () => writeFile(module(), 'bad'), null, 'my_six/__init__.py was altered'],
    [
      'added to a package',
      () => writeFile(join(module(), '..', 'x.py'), ''),
      null,
      'my_six/x.py belongs to no package',
    ],
    [
      'added beside them',
      () => writeFile(join(sitePackages(), 'x.pth'), ''),
      'x.pth belongs to no package',
      null,
    ],
    [
      'without a readable record',
      () => rm(join(sitePackages(), 'my_six-1.16.0.dist-info', 'RECORD')),
      'my_six-1.16.0.dist-info/RECORD cannot be read: ',
      null,
    ],
    [
      'whose recorded sizes are broken',
      () => writeFile(join(venv, 'sizes.json'), '{}'),
      'Runtime file is damaged: ',
      null,
    ],
  ])('a file %s', async (_, change, bySize, byDigest) => {
    await change();
    for (const [id, detail] of [
      ['files', bySize],
      ['digests', byDigest],
    ] as const) {
      const found = await run(id, facts());
      expect([id, found.status]).toEqual([id, detail === null ? 'pass' : 'fail']);
      if (detail === null) continue;
      expect(found.detail).toContain(detail);
      expect(found.repairs).toEqual(['rebuild-environment']);
    }
  });

  test('a file that everybody may change is mended, not built again', async () => {
    await chmod(module(), 0o666);
    expect(await run('files', facts())).toEqual({
      status: 'fail',
      detail: 'my_six/__init__.py can be changed by every user',
      repairs: ['mend-permissions', 'rebuild-environment'],
    });
  });

  test.each([
    ['of the Python that ktx unpacked', 'uv/python/deadbeef/x', true],
    ['of the model, which has a check of its own', 'uv/models/x', false],
    ['of the daemon, which has one too', '0.3.0/envs/7f3c0000/bin/ktx-daemon', false],
  ])('a recorded file %s is cut short', async (_, name, isHere) => {
    const files = { [name]: 10_000_000 };
    await writeFile(join(venv, 'sizes.json'), JSON.stringify({ schemaVersion: 1, files }));
    expect((await run('files', facts())).status).toBe(isHere ? 'fail' : 'pass');
  });

  describe('model', () => {
    const EMBEDDED = { features: ['core', 'local-embeddings'] } as Partial<InstalledKtxRuntimeManifest>;
    const path = () => join(embeddingsModelDir(root), 'model.onnx');
    beforeEach(async () => {
      await mkdir(embeddingsModelDir(root), { recursive: true });
      await writeFile(path(), 'weights');
    });

    test.each(['model', 'model-digests'])('%s: as it was fetched', async (id) => {
      expect(await run(id, facts(EMBEDDED))).toEqual({
        status: 'pass',
        detail: `1 file in ${embeddingsModelDir(root)}`,
      });
      expect(waits).toEqual(id === 'model' ? [] : ['hashing the model']);
    });

    test.each<[string, Partial<Facts>, string]>([
      ['core alone', facts(), 'local embeddings are not installed'],
      [
        'no lock',
        { ...facts(EMBEDDED), lockedAsset: async () => null },
        'this wheel brings no model of its own',
      ],
      [
        'built without one',
        facts({ ...EMBEDDED, locked: undefined }),
        'this wheel brings no model of its own',
      ],
      [
        'a lock without a model',
        {
          ...facts(EMBEDDED),
          lockedAsset: async () => ({ lock: { ...lock, models: {} } }) as unknown as LockedAsset,
        },
        'this wheel brings no model of its own',
      ],
    ])('%s', async (_, its, detail) => {
      expect(await run('model', its)).toEqual({ status: 'skipped', detail });
    });

    test.each<[string, () => Promise<unknown>, string, boolean]>([
      ['gone', () => rm(path()), 'is missing', true],
      [
        'a folder',
        async () => {
          await rm(path());
          await mkdir(path());
        },
        'is not a file',
        true,
      ],
      ['cut short', () => truncate(path(), 3), 'has 3 of 7 bytes', true],
      ['of other bytes', () => writeFile(path(), 'WEIGHTS'), 'was altered', false],
    ])('a file that is %s', async (_, change, what, isSeenAtOnce) => {
      await change();
      const broken = { status: 'fail', detail: `${path()} ${what}`, repairs: ['refetch-model'] };
      expect(await run('model-digests', facts(EMBEDDED))).toEqual(broken);
      if (isSeenAtOnce) expect(await run('model', facts(EMBEDDED))).toEqual(broken);
      else expect(await run('model', facts(EMBEDDED))).toMatchObject({ status: 'pass' });
    });

    test('a known file that was changed since is hashed again', async () => {
      await writeFile(
        join(root, 'uv', 'known-files'),
        `${MODEL} 1:2:3 ${path().slice(root.length + '/uv/'.length)}\n`,
      );
      expect(await run('model', facts(EMBEDDED))).toMatchObject({ status: 'pass' });
      await writeFile(path(), 'WEIGHTS');
      expect(await run('model', facts(EMBEDDED))).toMatchObject({
        status: 'fail',
        detail: `${path()} was altered`,
      });
    });
  });
});
