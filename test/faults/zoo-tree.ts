import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ZooPaths } from './zoo-state.ts';

/** Every entry of a runtime and of its project's state, by its path below them. */
export type Tree = Map<string, { what: string; times: string }>;

/** What runs, and what a setup writes beside the runtime; none of it belongs to the state. */
const VOLATILE =
  /^(?:uv\/(?:locks|runs|known-files|choices\.json|index-pages\.json|store|logs|backups|[\d.]+\/uv\.verified)|[\d.]+\/(?:install\.log|history\.jsonl))(?:\/|$)|\.replaced(?:\/|$)/;

export async function treeOf(paths: ZooPaths): Promise<Tree> {
  const tree: Tree = new Map();
  for (const start of [paths.root, dirname(dirname(paths.daemonState))])
    await add(tree, dirname(start), start);
  return tree;
}

async function add(tree: Tree, base: string, path: string): Promise<void> {
  const status = await lstat(path, { bigint: true }).catch(() => null);
  if (status === null) return;
  const name = path.slice(base.length + 1).replace(/^runtime\/?/, '');
  const kind = status.isDirectory()
    ? 'folder'
    : status.isSymbolicLink()
      ? 'link'
      : status.isFile()
        ? 'file'
        : 'other';
  const content =
    kind === 'file' ? await digestOf(path, status) : kind === 'link' ? await readlink(path) : '';
  const what = `${kind} ${(status.mode & 0o7777n).toString(8)} ${status.uid} ${content}`;
  tree.set(name === '' ? basename(path) : name, { what, times: `${status.mtimeNs} ${status.ctimeNs}` });
  if (kind !== 'folder') return;
  const names = await readdir(path);
  await Promise.all(names.map((entry) => add(tree, base, join(path, entry))));
}

/** Most files are links to a template, and each content is read once. */
const digests = new Map<string, string>();

async function digestOf(
  path: string,
  { dev, ino, size, mtimeNs, birthtimeNs }: BigIntStats,
): Promise<string> {
  // The next volume in memory has the numbers of the last one again.
  const key = `${dev} ${ino} ${size} ${mtimeNs} ${birthtimeNs}`;
  let digest = digests.get(key);
  if (digest === undefined) {
    digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    digests.set(key, digest);
  }
  return digest;
}

export function isSame(a: Tree, b: Tree, by: 'what' | 'times'): boolean {
  return a.size === b.size && [...a].every(([name, entry]) => b.get(name)?.[by] === entry[by]);
}

/** The first entry that differs, where that is not one that any run writes. */
export function differenceOf(a: Tree, b: Tree): string | null {
  const isVolatile = (name: string) => VOLATILE.test(name) || name === 'uv';
  // Of a folder that was not there only downloads and logs may be left.
  const isEmptyBut = (folder: string) =>
    b.get(folder)!.what.startsWith('folder') &&
    (folder === 'runtime' ||
      [...b.keys()].every((name) => !name.startsWith(`${folder}/`) || isVolatile(name)));
  for (const [name, { what }] of a)
    if (!isVolatile(name) && b.get(name)?.what !== what)
      return `${name} was ${what}, is ${b.get(name)?.what ?? 'gone'}`;
  for (const name of b.keys())
    if (!isVolatile(name) && !a.has(name) && !isEmptyBut(name)) return `${name} is new`;
  return null;
}
