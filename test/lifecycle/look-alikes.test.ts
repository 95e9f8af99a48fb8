import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { takeInventory } from '../../src/lifecycle/inventory.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const UUID = '00000000-0000-4000-8000-000000000000';
const DIGEST = 'a'.repeat(64);
/** What ktx makes and knows by its name alone; a final slash is a folder. */
const NAMES = [
  '0.3.0/install.log',
  '0.3.0/history.jsonl',
  '0.3.0/envs/',
  '0.3.0/manifest.json.12.00000001.tmp',
  'uv/store/',
  `uv/store/${DIGEST}/`,
  `uv/store/${DIGEST}.partial`,
  'uv/locks/',
  'uv/locks/root.lock',
  'uv/locks/0.3.0.lock',
  'uv/locks/0.3.0.lock.holder.json',
  'uv/runs/',
  `uv/runs/${UUID}/`,
  'uv/logs/',
  `uv/logs/${UUID}.log`,
  'uv/backups/',
  'uv/backups/0000000f/',
  'uv/daemons/',
  `uv/daemons/${DIGEST}`,
  'uv/known-files',
  'uv/index-pages.json',
  'uv/choices.json',
  'uv/network.json',
  'uv/network.json.12.00000001.tmp',
];

let root: string;
beforeEach(async () => {
  root = await temporaryFolder();
  await writeRuntime(root, '0.3.0');
});

async function place(name: string): Promise<string> {
  const path = join(root, name);
  await mkdir(name.endsWith('/') ? path : dirname(path), { recursive: true });
  if (!name.endsWith('/')) await writeFile(path, '');
  return name.endsWith('/') ? path.slice(0, -1) : path;
}

/** What of the root belongs to ktx, and what to somebody else. */
async function ownership() {
  const { owned, foreign } = await takeInventory(root);
  const names = (items: readonly { path: string }[]) => items.map(({ path }) => relative(root, path));
  return { owned: names(owned), foreign: names(foreign) };
}

it.each(NAMES)('%s is known, and what only looks like it is not', async (name) => {
  const path = await place(name);
  expect((await ownership()).foreign).toEqual([]);
  const folder = dirname(path);
  const own = path.slice(folder.length + 1);
  for (const alike of [`my-${own}`, `${own}~`, `${own}.bak`]) {
    await rename(path, join(folder, alike));
    const { owned, foreign } = await ownership();
    const shown = relative(root, join(folder, alike));
    expect(foreign.some((each) => each === shown || each.startsWith(`${shown}/`))).toBe(true);
    expect(owned).not.toContain(shown);
    await rename(join(folder, alike), path);
  }
});
