import type { Stats } from 'node:fs';

/** What is at a path, not following links. */
export type Kind = 'file' | 'folder' | 'link' | 'other';

/** @param status of `lstat`. */
export function kindOf(status: Stats): Kind {
  if (status.isSymbolicLink()) return 'link';
  if (status.isDirectory()) return 'folder';
  return status.isFile() ? 'file' : 'other';
}
