import { stat } from 'node:fs/promises';
import { CancelledError } from '../support/errors.ts';
import { runProcess } from './run-process.ts';

/**
 * Flushes the file systems of these folders to disk with one `sync -f` (syncfs(2), which Node lacks).
 * Measured on ext4 after an install: 24 to 44 ms, against 170 to 900 ms for an fsync of each of its 2,400
 * files, four at a time.
 * @returns `false` where this is not possible: not Linux, or no such command.
 * @throws CancelledError.
 */
export async function syncFileSystems(folders: readonly string[], signal?: AbortSignal): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const byDevice = new Map<number, string>();
  for (const folder of folders) {
    const status = await stat(folder).catch(() => null);
    if (status !== null && !byDevice.has(status.dev)) byDevice.set(status.dev, folder);
  }
  try {
    const args = ['-f', '--', ...byDevice.values()];
    const { exitCode } = await runProcess({ command: 'sync', args, signal });
    return exitCode === 0;
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return false;
  }
}
