import { createHash } from 'node:crypto';
import { readdir, readlink } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { throwIfCancelled } from '../support/errors.ts';
import { readRegularFile } from '../support/fs/regular-file.ts';
import { hashFile } from './store.ts';

/** Every file and link of a folder, by its path with `/`: `sha256:<digest>` of the content, or `link:<target>`. */
export type TreeDigests = Record<string, string>;

/** Small files are read whole: opening costs more than hashing. */
const PARALLEL = 16;

/** Hashes a whole tree. Links are not followed. @throws CancelledError, or the file system's error. */
export async function digestTree(root: string, signal?: AbortSignal): Promise<TreeDigests> {
  const entries = await readdir(root, { withFileTypes: true, recursive: true });
  const waiting = entries.filter((entry) => !entry.isDirectory()).values();
  const digests: [string, string][] = [];
  const work = async () => {
    for (const entry of waiting) {
      throwIfCancelled(signal);
      const path = join(entry.parentPath, entry.name);
      const name = path.slice(root.length + 1).replaceAll(sep, '/');
      digests.push([
        name,
        entry.isSymbolicLink() ? `link:${await readlink(path)}` : `sha256:${await hashOf(path)}`,
      ]);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return Object.fromEntries(digests.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function hashOf(path: string): Promise<string> {
  // Binaries of 30 MB and more in one piece each, sixteen at a time, would be half a gigabyte.
  if (/\.(?:so[.\d]*|a|dylib|dll|exe)$|[\\/]bin[\\/]/.test(path)) return hashFile(path);
  return createHash('sha256')
    .update(await readRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY }))
    .digest('hex');
}

/** Names that are missing, differ, or are there without being listed. Pure. */
export function differences(
  expected: TreeDigests,
  actual: TreeDigests,
): { changed: string[]; extra: string[] } {
  return {
    changed: Object.keys(expected).filter((name) => actual[name] !== expected[name]),
    extra: Object.keys(actual).filter((name) => !Object.hasOwn(expected, name)),
  };
}
