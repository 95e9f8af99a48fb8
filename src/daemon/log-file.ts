import { type FileHandle, rename } from 'node:fs/promises';
import { openRegularFile } from '../support/fs/regular-file.ts';

/** A larger log is rotated to `<path>.1` at the next start, replacing an earlier one. */
export const MAX_LOG_BYTES = 1024 * 1024;

/**
 * Opens a daemon's log for appending, rotating a large one first. Never follows a link: in a cloned project
 * the log, or a folder above it, could link to one of the user's files.
 * @throws UnusableFileError for anything but a regular file.
 */
export async function openDaemonLog(path: string, projectDir: string): Promise<FileHandle> {
  const guard = { maxBytes: Number.POSITIVE_INFINITY, within: projectDir };
  const handle = await openRegularFile(path, guard, 'append');
  const { size } = await handle.stat();
  if (size <= MAX_LOG_BYTES) return handle;
  await handle.close();
  // A daemon that is still shutting down keeps writing to its open file, wherever that is.
  await rename(path, `${path}.1`);
  return openRegularFile(path, guard, 'append');
}
