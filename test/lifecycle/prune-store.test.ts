import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { pruneManagedPythonRuntimes } from '../../src/lifecycle/prune.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

let root: string;
let store: string;
beforeEach(async () => {
  root = await temporaryFolder();
  store = sharedLayout(root).storeDir;
});

const DIGEST = 'a'.repeat(64);
const prune = (more: { store?: boolean; dryRun?: boolean }) =>
  pruneManagedPythonRuntimes({ cliVersion: '0.3.0', runtimeRoot: root, ...more });

async function fill(): Promise<void> {
  await mkdir(join(store, DIGEST), { recursive: true });
  await writeFile(join(store, DIGEST, 'a.whl'), '');
  for (const name of [
    `${'b'.repeat(64)}.partial`,
    `${'b'.repeat(64)}.partial.json`,
    `${'c'.repeat(63)}.partial`,
    `x${DIGEST}`,
    `${DIGEST}0`,
    `${DIGEST.toUpperCase()}`,
    'notes.txt',
  ])
    await writeFile(join(store, name), '');
}
const FOREIGN = [`${'c'.repeat(63)}.partial`, `x${DIGEST}`, `${DIGEST}0`, DIGEST.toUpperCase(), 'notes.txt'];

it('the downloads go when that is asked for, and nothing else that lies beside them', async () => {
  await fill();
  await prune({ store: true });
  expect((await readdir(store)).sort()).toEqual(FOREIGN.sort());
});

it.each([{}, { store: false }])('a broken download stays with %j', async (options) => {
  await fill();
  await prune(options);
  expect(await readdir(store)).toEqual(
    expect.arrayContaining([`${'b'.repeat(64)}.partial`, `${'b'.repeat(64)}.partial.json`, ...FOREIGN]),
  );
});

it('a dry run removes none', async () => {
  await fill();
  const before = await readdir(store);
  await prune({ store: true, dryRun: true });
  expect(await readdir(store)).toEqual(before);
});

it('a store that is not there is no failure', async () => {
  await expect(prune({ store: true })).resolves.toMatchObject({ removed: [] });
});
