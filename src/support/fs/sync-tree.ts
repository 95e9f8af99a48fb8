import { open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, isAbsence, throwIfCancelled } from '../errors.ts';

/** The size of Node's thread pool. */
const PARALLEL = 4;
/** Errors of file systems that cannot fsync such an entry, or do not let this user open it. */
const NOT_SYNCABLE = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EACCES', 'EISDIR', 'EBADF']);

/**
 * Syncs every file and folder in these trees, or a file alone, and the folders above them: a name is durable only once its
 * folder is synced.
 * @throws CancelledError, or the file system's error when the disk refuses the data.
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
    // Windows can flush only files opened for writing.
    const handle = await open(path, process.platform === 'win32' ? 'r+' : 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Deleted meanwhile, like the temporary files of a running Python.
    if (isAbsence(error) || NOT_SYNCABLE.has(errorCode(error) ?? '')) return;
    throw error;
  }
}
