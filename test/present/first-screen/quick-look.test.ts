import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { managedPythonRuntimeLayout } from '../../../src/core/layout.ts';
import { packageVersion } from '../../../src/core/program-version.ts';
import { quickLook } from '../../../src/present/first-screen/quick-look.ts';
import { readSetupOverview } from '../../../src/setup/overview.ts';
import { readLockedAsset } from '../../../src/shipped/locked-asset.ts';

const cliVersion = packageVersion();
let home: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ktx-look-'));
  env = { HOME: home };
});
afterEach(() => rm(home, { recursive: true }));

async function both() {
  const [quick, whole] = [
    quickLook({ cliVersion, env, homeDir: home }),
    await readSetupOverview({ cliVersion, features: ['core'], env, homeDir: home }),
  ];
  // The disk goes on being used meanwhile.
  return [
    { ...quick, freeBytes: null },
    { ...whole, freeBytes: null },
  ];
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
}

it('sees what the overview says of a machine with nothing', async () => {
  const [quick, whole] = await both();
  expect(quick).toEqual(whole);
});

it('sees what the overview says of what is stored', async () => {
  const { assetDir } = managedPythonRuntimeLayout({ cliVersion, env, homeDir: home });
  const asset = await readLockedAsset(assetDir);
  const [small] = Object.entries(asset!.lock.artefacts)
    .filter(([, { bytes, kind }]) => kind === 'wheel' && bytes !== null)
    .sort(([, a], [, b]) => a.bytes! - b.bytes!);
  const [sha256, { file, bytes }] = small!;
  const store = join(home, '.ktx/runtime/uv/store');
  await write(join(store, sha256, file), 'x'.repeat(bytes!));
  await write(join(store, 'something-else', 'file'), '');
  await write(join(home, '.ktx/runtime/0.0.1/manifest.json'), '{}');
  const [quick, whole] = await both();
  expect(quick).toEqual(whole);
});

it.each([
  ['a manifest that is no JSON', '{'],
  ['a manifest of another version', JSON.stringify({ cliVersion: '9.9.9', features: ['core'], python: {} })],
  [
    'programs that are gone',
    JSON.stringify({
      cliVersion,
      features: ['core'],
      python: { executable: '/gone', daemonExecutable: '/gone' },
    }),
  ],
])('leaves %s to a closer look', async (_what, manifest) => {
  await write(join(home, '.ktx/runtime', cliVersion, 'manifest.json'), manifest);
  expect(quickLook({ cliVersion, env, homeDir: home })).toBeNull();
});

it('knows a runtime whose programs are there', async () => {
  const python = { executable: process.execPath, daemonExecutable: process.execPath };
  await write(
    join(home, '.ktx/runtime', cliVersion, 'manifest.json'),
    JSON.stringify({ cliVersion, features: ['core'], python }),
  );
  const quick = quickLook({ cliVersion, env, homeDir: home });
  expect(quick?.status).toMatchObject({ kind: 'ready', features: ['core'] });
});

describe('what leaves a quick look', () => {
  const runtime = async (version: string, change: object = {}) => {
    const python = { executable: process.execPath, daemonExecutable: process.execPath };
    const manifest = { cliVersion: version, features: ['core'], python, ...change };
    await write(join(home, '.ktx/runtime', version, 'manifest.json'), JSON.stringify(manifest));
  };
  const look = () => quickLook({ cliVersion, env, homeDir: home });

  it('many other versions', async () => {
    for (let index = 1; index <= 8; index++) await runtime(`0.0.${index}`);
    expect(look()?.otherRuntimes).toHaveLength(8);
    await runtime('0.0.9');
    expect(look()).toBeNull();
  });

  it('a large manifest, and one that is no file', async () => {
    const path = join(home, '.ktx/runtime', cliVersion, 'manifest.json');
    await runtime(cliVersion, { note: 'x'.repeat(1024 * 1024) });
    expect(look()).toBeNull();
    await rm(path);
    await mkdir(path, { recursive: true });
    expect(look()).toBeNull();
  });

  it('a folder with thousands of entries', async () => {
    const root = join(home, '.ktx/runtime');
    await mkdir(root, { recursive: true });
    await Promise.all(Array.from({ length: 2000 }, (_, index) => writeFile(join(root, `note-${index}`), '')));
    expect(look()).not.toBeNull();
    await writeFile(join(root, 'one more'), '');
    expect(look()).toBeNull();
  });

  it.each([
    ['features that are no list', { features: 'core' }],
    ['no programs', { python: {} }],
    ['a program that is no path', { python: { executable: 7, daemonExecutable: process.execPath } }],
  ])('a manifest with %s', async (_what, change) => {
    await runtime(cliVersion, change);
    expect(look()).toBeNull();
  });

  it('not other versions that do not work: they are passed over', async () => {
    await runtime('0.0.1');
    await runtime('0.0.2', { features: [] });
    await runtime('0.0.3', { python: { executable: '/gone', daemonExecutable: '/gone' } });
    await runtime('0.0.4', { cliVersion: '0.0.5' });
    await mkdir(join(home, '.ktx/runtime/0.0.6'));
    await runtime('not a version');
    expect(look()?.otherRuntimes).toEqual([{ cliVersion: '0.0.1', features: ['core'] }]);
  });
});

it('says of what is installed since when, and from where', async () => {
  const python = { executable: process.execPath, daemonExecutable: process.execPath };
  const path = join(home, '.ktx/runtime', cliVersion, 'manifest.json');
  const installedAt = '2026-11-20T10:12:00.000Z';
  await write(
    path,
    JSON.stringify({ cliVersion, features: ['local-embeddings', 'core', 'other'], python, installedAt }),
  );
  const quick = quickLook({ cliVersion, env, homeDir: home })!;
  expect(quick.status).toEqual({
    kind: 'ready',
    detail: `Runtime ready at ${join(home, '.ktx/runtime', cliVersion)}`,
    features: ['core', 'local-embeddings'],
    installedAt,
  });
  expect(quick.runtimeRoot).toBe(join(home, '.ktx/runtime'));
  expect(quick.freeBytes).toBeGreaterThan(0);
  await write(path, JSON.stringify({ cliVersion, features: ['core'], python, installedAt: 5 }));
  expect(quickLook({ cliVersion, env, homeDir: home })!.status.installedAt).toBeNull();
});

it('without a lock offers what uv would resolve', async () => {
  const { assetDir } = managedPythonRuntimeLayout({ cliVersion, env, homeDir: home });
  const asset = await readLockedAsset(assetDir);
  const lock = { ...asset!.lock, python: { ...asset!.lock.python, archives: {} } };
  const quick = quickLook({ cliVersion, env, homeDir: home, lock })!;
  expect(quick.mayFetchPython).toBe(false);
  expect(quick.here).toEqual([
    { label: expect.stringMatching(/^uv \d/), isHere: false },
    { label: `Python ${lock.python.version}`, isHere: false },
    { label: 'embedding model', isHere: false },
  ]);
});
