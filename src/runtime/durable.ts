import { syncFileSystems } from '../process/sync-file-systems.ts';
import type { Note } from '../runtime/write-access.ts';
import { syncTrees } from '../support/fs/sync-tree.ts';

/** After this it is said what is waited for: on a disk that others write to it can take long. */
const QUIET_MS = 2000;

/**
 * Waits until all below these folders is on the disk. May be called early, while something else is waited for: what is on the disk
 * already is not written again.
 * @throws CancelledError, or the file system's error when the disk does not take it.
 */
export async function makeDurable(
  folders: readonly string[],
  { signal, note }: { signal?: AbortSignal | undefined; note?: Note },
): Promise<void> {
  const timer = setTimeout(() => {
    note?.('info', 'Waiting for the disk to write what was installed. Ctrl+C stops waiting.');
  }, QUIET_MS);
  try {
    if (!(await syncFileSystems(folders, signal))) await syncTrees(folders, signal);
  } finally {
    clearTimeout(timer);
  }
}
