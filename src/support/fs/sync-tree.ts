import { open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, isAbsence, throwIfCancelled } from '../errors.ts';

/** As many as Node runs at once. */
const PARALLEL = 4;
/** What a file system says that knows no fsync of such a thing, or does not let this user open it. */
const NOT_SYNCABLE = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EACCES', 'EISDIR', 'EBADF']);

/**
 * Syncs each file and folder of these trees, and the folders above them: a name lasts only when its folder was synced.
 * @throws CancelledError, or the file system's error when something could not be written to the disk.
 */
export async function syncTrees(roots: readonly string[], signal?: AbortSignal): Promise<void> {
  const paths = new Set<string>();
  for (const root of roots) {
    for (const entry of await readdir(root, { withFileTypes: true, recursive: true }).catch(() => []))
      if (entry.isFile() || entry.isDirectory()) paths.add(join(entry.parentPath, entry.name));
    for (let folder = root; ; folder = dirname(folder)) {
      paths.add(folder);
      if (dirname(folder) === folder) break;
    }
  }
  const waiting = paths.values();
  const work = async () => {
    for (const path of waiting) {
      throwIfCancelled(signal);
      await syncPath(path);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

async function syncPath(path: string): Promise<void> {
  try {
    // Windows flushes only what it may write.
    const handle = await open(path, process.platform === 'win32' ? 'r+' : 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Taken away meanwhile, as a running Python does with its temporary files.
    if (isAbsence(error) || NOT_SYNCABLE.has(errorCode(error) ?? '')) return;
    throw error;
  }
}
