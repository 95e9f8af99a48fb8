import { accessSync, constants, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from './errors.ts';

/**
 * What has to be opened so that this path can be made, written or removed: the file or the nearest folder above it that this user may not
 * write. The system names what was to be made, which need not be there. A path where nothing is closed comes back as the nearest that is there.
 */
export function closedPlaceFor(path: string): string {
  let nearest: string | null = null;
  for (let current = path; ; current = dirname(current)) {
    if (isThere(current)) {
      nearest ??= current;
      if (!isWritable(current)) return current;
      // Above a folder that may be written nothing stands in the way.
      if (current !== path) return nearest;
    }
    if (dirname(current) === current) return nearest ?? path;
  }
}

/** Who owns it, where that is somebody else: only they can open it to others. `null`: this user, or nobody knows. */
export function otherOwnerOf(path: string): number | null {
  const own = process.getuid?.();
  if (own === undefined || own === 0) return null;
  try {
    const { uid } = lstatSync(path);
    return uid === own ? null : uid;
  } catch {
    return null;
  }
}

function isThere(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    // Not there, or in a folder that may not even be entered.
    return false;
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    // Of a link that leads nowhere its folder is what counts.
    return errorCode(error) === 'ENOENT';
  }
}
