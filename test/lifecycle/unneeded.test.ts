import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { EMBEDDINGS_MODEL } from '../../src/core/model-folder-path.ts';
import { pruneManagedPythonRuntimes } from '../../src/lifecycle/prune.ts';
import { findUnneeded, unneededPart } from '../../src/lifecycle/unneeded.ts';
import { MANAGED_UV_ARTIFACTS, MANAGED_UV_VERSION, MANAGED_UV_WHEELS } from '../../src/uv/release.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const digest = (letter: string) => letter.repeat(64);
const needed = { uvVersion: '0.11.21', modelFolder: 'm@1', digests: new Set([digest('a')]) };

it.each([
  ['uv/0.11.21/uv', null],
  ['uv/0.11.20/uv', 'uv'],
  ['uv/0.12.0/uv.verified', 'uv'],
  ['uv/models/m@1', null],
  ['uv/models/m@2', 'models'],
  [`uv/store/${digest('a')}`, null],
  [`uv/store/${digest('b')}`, 'wheels'],
  [`uv/store/${digest('b')}.partial`, null],
  ['uv/locks/root.lock', null],
  ['uv/network.json', null],
  ['0.2.0/envs/00000000', null],
] as const)('%s: %s', (path, part) => {
  expect(unneededPart(path.split('/'), needed)).toBe(part);
});

it.each([
  ['uv/store', null],
  ['uv/notes', null],
  ['uv', null],
  ['other/0.11.20/uv', null],
  ['uv/0.11.20.1/uv', null],
  ['uv/v0.11.20/uv', null],
  [`uv/store/x${digest('b')}`, null],
  [`uv/store/${digest('B')}`, null],
] as const)('%s is not known to be unneeded', (path, part) => {
  expect(unneededPart(path.split('/'), needed)).toBe(part);
});

it('every archive and wheel of uv is needed by this version', async () => {
  const root = await temporaryFolder();
  await writeRuntime(root, '0.3.0');
  const digests = [...Object.values(MANAGED_UV_ARTIFACTS), ...Object.values(MANAGED_UV_WHEELS)].map(
    ({ sha256 }) => sha256,
  );
  for (const each of [...digests, digest('b')]) {
    await mkdir(join(root, 'uv/store', each), { recursive: true });
    await writeFile(join(root, 'uv/store', each, 'file'), '');
  }
  const options = { cliVersion: '0.3.0', runtimeRoot: root };
  const found = await findUnneeded(options, ['wheels']);
  expect(found.map(({ part, path }) => [part, relative(root, path)])).toEqual([
    ['wheels', `uv/store/${digest('b')}`],
  ]);
  expect(await findUnneeded(options, ['models'])).toEqual([]);
});

it('without a lock no download is known to be unneeded', () => {
  expect(unneededPart(['uv', 'store', digest('b')], { ...needed, digests: null })).toBeNull();
});

/**
 * A root after an upgrade: two versions of uv, two revisions of the model, and a download that no lock names.
 */
async function upgraded(...versions: string[]): Promise<string> {
  const root = await temporaryFolder();
  for (const version of versions) await writeRuntime(root, version);
  const files = [
    `uv/0.1.0/uv`,
    `uv/${MANAGED_UV_VERSION}/uv`,
    `uv/models/${EMBEDDINGS_MODEL.name}@${EMBEDDINGS_MODEL.revision}/model.safetensors`,
    `uv/models/${EMBEDDINGS_MODEL.name}@${'0'.repeat(40)}/model.safetensors`,
    `uv/store/${digest('b')}/old.whl`,
    'uv/notes of mine',
  ];
  for (const file of files) {
    await mkdir(join(root, file, '..'), { recursive: true });
    await writeFile(join(root, file), 'x'.repeat(1000));
  }
  return root;
}

const prune = (runtimeRoot: string, choice: object = {}) =>
  pruneManagedPythonRuntimes({ cliVersion: '0.3.0', runtimeRoot, ...choice });
const parts = ({ unneeded = [] }: Awaited<ReturnType<typeof prune>>) =>
  unneeded.map(({ part }) => part).sort();
const shared = async (root: string) =>
  (await readdir(join(root, 'uv'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('locks'))
    .map(({ parentPath, name }) => relative(join(root, 'uv'), join(parentPath, name)));

it('a prune removes what only other versions used, with sizes, and no unknown file', async () => {
  const root = await upgraded('0.2.0', '0.3.0');
  const preview = await prune(root, { dryRun: true });
  expect(parts(preview)).toEqual(['models', 'uv', 'wheels']);
  expect(preview.unneeded?.every(({ sizeBytes }) => sizeBytes === 1000)).toBe(true);
  expect(await shared(root)).toHaveLength(6);
  const done = await prune(root);
  expect(parts(done)).toEqual(['models', 'uv', 'wheels']);
  expect((await shared(root)).sort()).toEqual([
    `${MANAGED_UV_VERSION}/uv`,
    `models/${EMBEDDINGS_MODEL.name}@${EMBEDDINGS_MODEL.revision}/model.safetensors`,
    'notes of mine',
  ]);
  expect((await readdir(join(root, 'uv'))).includes('0.1.0')).toBe(false);
});

it('one part alone leaves the versions and the other parts', async () => {
  for (const part of ['uv', 'models', 'wheels'] as const) {
    const root = await upgraded('0.3.0');
    expect(parts(await prune(root, { parts: [part] }))).toEqual([part]);
    expect(await shared(root)).toHaveLength(5);
  }
  const root = await upgraded('0.2.0', '0.3.0');
  expect((await prune(root, { parts: ['uv'] })).removed).toEqual([]);
});

it('what a remaining version or another program may need is kept', async () => {
  const kept = await upgraded('0.2.0', '0.3.0');
  expect(parts(await prune(kept, { keep: 1 }))).toEqual([]);
  const others = await upgraded('0.3.0');
  await writeRuntime(others, '9.9.9');
  await rename(join(others, '9.9.9'), join(others, '9.9.9+wheel.acme'));
  expect(parts(await prune(others))).toEqual([]);
  for (const root of [kept, others]) expect(await shared(root)).toHaveLength(6);
});

it('the newest other versions stay by number, and young ones by age', async () => {
  const root = await upgraded('0.1.0', '0.2.0', '0.2.10', '0.3.0');
  const names = (paths: readonly string[]) => paths.map((path) => path.slice(root.length + 1));
  expect(names((await prune(root, { dryRun: true, keep: 1 })).stale)).toEqual(['0.1.0', '0.2.0']);
  await writeRuntime(root, '0.1.0', { installedAt: new Date().toISOString() });
  const day = 24 * 60 * 60 * 1000;
  expect(names((await prune(root, { dryRun: true, olderThanMs: day })).stale)).toEqual(['0.2.0', '0.2.10']);
});

it('a version that only a newer ktx understands is not pruned', async () => {
  const root = await upgraded('0.3.0');
  await writeRuntime(root, '0.9.0', { schemaVersion: 2 } as object);
  expect((await prune(root)).stale).toEqual([]);
});
