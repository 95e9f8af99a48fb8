import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
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
