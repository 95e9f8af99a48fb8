import { type FileHandle, rename } from 'node:fs/promises';
import { openRegularFile } from '../support/fs/regular-file.ts';

/** A log that has grown beyond this is moved to `<path>.1` at the next start, in the place of an earlier one. */
export const MAX_LOG_BYTES = 1024 * 1024;

/**
 * Opens a daemon's log to append, and moves a large one aside first. Never through a link: a cloned project could have
 * its log, or a folder above it, point to a file of the user's.
 * @throws UnusableFileError for anything but a regular file.
 */
export async function openDaemonLog(path: string, projectDir: string): Promise<FileHandle> {
  const guard = { maxBytes: Number.POSITIVE_INFINITY, within: projectDir };
  const handle = await openRegularFile(path, guard, 'append');
  const { size } = await handle.stat();
  if (size <= MAX_LOG_BYTES) return handle;
  await handle.close();
  // A daemon that still ends writes into the file it has, wherever it is by then.
  await rename(path, `${path}.1`);
  return openRegularFile(path, guard, 'append');
}
