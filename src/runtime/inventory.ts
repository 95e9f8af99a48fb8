import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ENVIRONMENT_ID, ENVIRONMENT_LEFTOVER } from './environments.ts';
import { sharedLayout } from './layout.ts';
import { isVersionName } from './version-name.ts';

/** Something below the runtime root that this program made, to be deleted as a whole. */
export interface OwnedItem {
  path: string;
  /** In words, for a list. */
  what: string;
  sizeBytes: number;
}

export interface Inventory {
  owned: OwnedItem[];
  /** What this program does not know, and what keeps it from looking further: never deleted. */
  foreign: { path: string; sizeBytes: number; reason: string }[];
  /** Folders that hold only the above, deepest first; to be removed when they are empty. */
  folders: string[];
}

/** What may be in a folder of ours. A folder with `children` is looked into; everything else that matches is ours as a whole. */
interface Shape {
  name: RegExp;
  what: string;
  children?: readonly Shape[];
}

const SHA256 = /^[0-9a-f]{64}$/;
const SHARED_SHAPES: readonly Shape[] = [
  {
    name: /^\d+\.\d+\.\d+$/,
    what: 'uv',
    children: [{ name: /^uv(?:\.exe)?(?:\.\d+\.download)?$/, what: 'uv' }],
  },
  {
    name: /^store$/,
    what: 'downloads',
    children: [
      { name: SHA256, what: 'downloads' },
      { name: /^[0-9a-f]{64}\.partial(?:\.json(?:\.\d+\.[0-9a-f]{8}\.tmp)?)?$/, what: 'downloads' },
    ],
  },
  { name: /^python$/, what: 'Python', children: [{ name: ENVIRONMENT_ID, what: 'Python' }] },
  {
    name: /^models$/,
    what: 'models',
    children: [{ name: /^(?:\.staged-)?[\w.-]+@[0-9a-f]{40}(?:-[0-9a-f]{8})?$/, what: 'models' }],
  },
  {
    name: /^locks$/,
    what: 'locks',
    children: [{ name: /\.lock(?:\.holder\.json(?:\.\d+\.tmp)?)?$/, what: 'locks' }],
  },
  { name: /^runs$/, what: 'notes of runs', children: [{ name: /^[0-9a-f-]{36}$/, what: 'notes of runs' }] },
  { name: /^logs$/, what: 'logs', children: [{ name: /^[\w.-]+\.log$/, what: 'logs' }] },
  { name: /^network\.json(?:\.\d+\.[0-9a-f]{8}\.tmp)?$/, what: 'network settings' },
];

const VERSION_SHAPES: readonly Shape[] = [
  { name: /^(?:manifest\.json|install\.log)$/, what: 'runtime' },
  { name: /^\.venv$/, what: 'runtime' },
  { name: ENVIRONMENT_LEFTOVER, what: 'runtime' },
  {
    name: /^envs$/,
    what: 'runtime',
    children: [
      { name: ENVIRONMENT_ID, what: 'runtime' },
      { name: ENVIRONMENT_LEFTOVER, what: 'runtime' },
    ],
  },
];

/** Looks through the whole runtime root by names and shapes. Follows no link, deletes nothing. Sizes count hard links once. */
export async function takeInventory(runtimeRoot: string): Promise<Inventory> {
  const inventory: Inventory = { owned: [], foreign: [], folders: [] };
  const seen = new Set<string>();
  const names = await readdir(runtimeRoot).catch(() => []);
  const uvName = basename(sharedLayout(runtimeRoot).root);
  const shapes: Shape[] = [
    { name: new RegExp(`^${uvName}$`), what: 'shared', children: SHARED_SHAPES },
    ...names
      .filter(isVersionName)
      .map((name) => ({ name: exactly(name), what: `runtime ${name}`, children: VERSION_SHAPES })),
  ];
  await look(runtimeRoot, shapes, inventory, seen, null);
  return inventory;
}

async function look(
  folder: string,
  shapes: readonly Shape[],
  inventory: Inventory,
  seen: Set<string>,
  version: string | null,
): Promise<void> {
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    const path = join(folder, name);
    const shape = shapes.find((candidate) => candidate.name.test(name));
    const status = await lstat(path).catch(() => null);
    // A plan is made without a lock, so another run may take away what was just listed.
    if (status === null) continue;
    if (shape?.children && status.isDirectory()) {
      await look(
        path,
        shape.children,
        inventory,
        seen,
        shape.what.startsWith('runtime ') ? shape.what : version,
      );
    } else if (shape && !shape.children) {
      inventory.owned.push({ path, what: version ?? shape.what, sizeBytes: await sizeOf(path, seen) });
    } else {
      const reason = shape ? 'is no folder of ours: a link or a file' : 'is not known to ktx';
      inventory.foreign.push({ path, sizeBytes: await sizeOf(path, seen), reason });
    }
  }
  inventory.folders.push(folder);
}

/** Bytes of a file or of everything in a folder. */
async function sizeOf(path: string, seen: Set<string>): Promise<number> {
  const status = await lstat(path).catch(() => null);
  if (!status) return 0;
  if (!status.isDirectory()) {
    const identity = `${status.dev}:${status.ino}`;
    if (status.nlink > 1 && seen.has(identity)) return 0;
    seen.add(identity);
    return status.size;
  }
  const names = await readdir(path).catch(() => []);
  let sum = 0;
  for (const name of names) sum += await sizeOf(join(path, name), seen);
  return sum;
}

function exactly(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[.+]/g, '\\$&')}$`);
}
