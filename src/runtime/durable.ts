import { syncFileSystems } from '../process/sync-file-systems.ts';
import type { Note } from '../runtime/write-access.ts';
import { syncTrees } from '../support/fs/sync-tree.ts';

/** After this long, say what the wait is for: a busy disk can take minutes. */
const QUIET_MS = 2000;

/**
 * Resolves when everything below these folders is on disk. Can be called early, while other work goes on:
 * data that is already on disk is not written again.
 * @throws CancelledError, or the file system's error when the disk refuses the data.
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
