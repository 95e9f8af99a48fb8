import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, isAbsence } from '../errors.ts';

const REMOVAL = { recursive: true, force: true, maxRetries: 3 } as const;

/** Files that mark what a folder is. */
export interface FolderMarkers {
  /** Its absence means the folder is incomplete. */
  whole?: string;
  /** Any of these marks the folder as ours. */
  ours: readonly string[];
}

/**
 * Renames a folder to `<path>.<8 hex digits>.removed`: an interrupted removal then leaves nothing that looks
 * intact or that cannot be attributed to ktx. A folder that cannot be renamed, such as one in the lower layer
 * of an overlay (EXDEV), stays.
 * @returns the new path, or the old one.
 */
async function moveAside(path: string): Promise<string> {
  const aside = `${path}.${randomBytes(4).toString('hex')}.removed`;
  try {
    await rename(path, aside);
    return aside;
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error;
    return path;
  }
}

/**
 * Deletes in an order that keeps the markers true throughout: first the one for completeness, last those that
 * mark it as ours.
 */
async function removeInPlace(folder: string, { whole, ours }: FolderMarkers): Promise<void> {
  if (whole !== undefined) await rm(join(folder, whole), REMOVAL);
  const names = await readdir(folder).catch((error: unknown) => {
    if (isAbsence(error)) return [];
    throw error;
  });
  for (const name of names) if (!ours.includes(name)) await rm(join(folder, name), REMOVAL);
  for (const name of ours) await rm(join(folder, name), REMOVAL);
  await rm(folder, REMOVAL);
}

/** Renames a folder aside and deletes it with its content. @param path a folder. */
export async function removeAside(path: string, markers: FolderMarkers): Promise<void> {
  const place = await moveAside(path);
  await (place === path ? removeInPlace(path, markers) : rm(place, REMOVAL));
}

/** The path before `moveAside` renamed it. */
export function originalPath(path: string): string {
  return path.replace(/\.[0-9a-f]{8}\.removed$/, '');
}
