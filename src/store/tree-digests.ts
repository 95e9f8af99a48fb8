import { readdir, readlink } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { hashFiles } from '../support/fs/hash-files.ts';

/**
 * Every file and link in a folder, by path with `/`: `sha256:<digest>` of the content, `link:<target>`, or
 * the reason why there is no digest.
 */
export type TreeDigests = Record<string, string>;

/**
 * Hashes a whole tree without following links. @throws CancelledError, or the file system's error of a
 * folder.
 */
export async function digestTree(root: string, signal?: AbortSignal): Promise<TreeDigests> {
  const entries = await readdir(root, { withFileTypes: true, recursive: true });
  const pathOf = (entry: (typeof entries)[number]) => join(entry.parentPath, entry.name);
  const links = entries.filter((entry) => entry.isSymbolicLink()).map(pathOf);
  const others = entries.filter((entry) => !entry.isSymbolicLink() && !entry.isDirectory()).map(pathOf);
  const hashed = await hashFiles(others, signal);
  const digests = [
    ...(await Promise.all(links.map(async (path) => [path, `link:${await readlink(path)}`] as const))),
    ...hashed.map((file, position) => {
      const digest = 'sha256' in file ? `sha256:${file.sha256}` : file.problem;
      return [others[position]!, digest] as const;
    }),
  ].map(([path, digest]) => [path.slice(root.length + 1).replaceAll(sep, '/'), digest] as const);
  return Object.fromEntries(digests.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Names that are missing or differ, and names that are not listed. Pure. */
export function differences(
  expected: TreeDigests,
  actual: TreeDigests,
): { changed: string[]; extra: string[] } {
  return {
    changed: Object.keys(expected).filter((name) => actual[name] !== expected[name]),
    extra: Object.keys(actual).filter((name) => !Object.hasOwn(expected, name)),
  };
}
