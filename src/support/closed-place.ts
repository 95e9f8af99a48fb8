import { accessSync, constants, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from './errors.ts';

/**
 * What must be made writable so that this path can be created, written or removed: the path itself, or the
 * nearest folder above it without write permission. (The system's error names the path to be created, which
 * may not exist.) When nothing blocks it, returns the nearest path that exists.
 */
export function closedPlaceFor(path: string): string {
  let nearest: string | null = null;
  for (let current = path; ; current = dirname(current)) {
    if (isThere(current)) {
      nearest ??= current;
      if (!isWritable(current)) return current;
      // Once a parent is writable, nothing above it matters.
      if (current !== path) return nearest;
    }
    if (dirname(current) === current) return nearest ?? path;
  }
}

/**
 * The uid of the owner when it is another user, who alone can grant access. `null`: this user, or unknown.
 */
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
    // Missing, or in a folder without search permission.
    return false;
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    // A dangling link: its folder decides.
    return errorCode(error) === 'ENOENT';
  }
}
