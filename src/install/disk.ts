import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, errorMessage, SetupError } from '../support/errors.ts';
import { formatBytes } from '../support/format.ts';

/** Room that an install leaves: logs, bytecode, the file system's own needs. */
const HEADROOM_BYTES = 50_000_000;

/** Free bytes of the volume that a path is or will be on; `null` when the system does not say. Unknown is not zero. */
export async function freeBytesAt(path: string): Promise<number | null> {
  for (let current = path; ; current = dirname(current)) {
    try {
      const stat = await statfs(current);
      return stat.bavail * stat.bsize;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || dirname(current) === current) return null;
    }
  }
}

/** @throws SetupError of class disk, with both numbers, before the first byte is fetched. */
export function assertDiskSpace(path: string, neededBytes: number | null, freeBytes: number | null): void {
  if (neededBytes === null || freeBytes === null) return;
  const total = neededBytes + HEADROOM_BYTES;
  if (freeBytes >= total) return;
  throw new SetupError(`Not enough space: ${formatBytes(total)} needed, ${formatBytes(freeBytes)} free.`, {
    failureClass: 'disk',
    evidence: [
      `volume of ${path}`,
      `${formatBytes(neededBytes)} for the runtime, ${formatBytes(HEADROOM_BYTES)} of headroom`,
    ],
    nextSteps: [
      'Free some space',
      'Put the runtime elsewhere: --runtime-root <dir>',
      'Try anyway: --ignore-disk',
    ],
  });
}

/**
 * Looks whether a folder can be made or written, before anything is fetched. Node's own `mkdir` says ENOENT for a
 * read-only file system, which helps nobody.
 * @throws SetupError: a file in the way, no permission, a read-only file system.
 */
export async function assertWritableFolder(path: string): Promise<void> {
  const elsewhere = 'Put the runtime elsewhere: --runtime-root <dir>';
  let current = path;
  let status = await stat(current).catch(() => null);
  while (status === null && dirname(current) !== current) {
    current = dirname(current);
    status = await stat(current).catch(() => null);
  }
  if (status !== null && !status.isDirectory()) {
    throw new SetupError(`A file is where a folder should be: ${current}`, {
      failureClass: 'conflict',
      evidence: [`the runtime needs the folder ${path}`],
      nextSteps: ['Move the file away', elsewhere],
    });
  }
  try {
    await access(current, constants.W_OK | constants.X_OK);
  } catch (error) {
    const isReadOnly = errorCode(error) === 'EROFS';
    const title = isReadOnly ? 'The file system is read-only' : 'No permission to write';
    throw new SetupError(`${title}: ${current}`, {
      failureClass: 'permission',
      evidence: [errorMessage(error), `the runtime needs the folder ${path}`],
      nextSteps: isReadOnly ? [elsewhere] : ['Make the folder writable for this user', elsewhere],
    });
  }
}
