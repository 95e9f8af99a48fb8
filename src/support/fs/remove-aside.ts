import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, isAbsence } from '../errors.ts';

const REMOVAL = { recursive: true, force: true, maxRetries: 3 } as const;

/** Files that tell what a folder is. */
export interface Telling {
  /** Without it the folder no longer counts as whole. */
  whole?: string;
  /** With one of them it is known to be ours. */
  ours: readonly string[];
}

/**
 * Gives a folder the name of something removed, `<path>.<8 hex digits>.removed`: a removal that is interrupted leaves nothing that
 * looks whole, and nothing whose origin could not be told. Where a folder cannot be renamed, as in the lower layer of an overlay
 * (EXDEV), it stays where it is.
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

/** In an order that tells the truth about the folder at every instant: what makes it whole first, what makes it ours last. */
async function removeInPlace(folder: string, { whole, ours }: Telling): Promise<void> {
  if (whole !== undefined) await rm(join(folder, whole), REMOVAL);
  const names = await readdir(folder).catch((error: unknown) => {
    if (isAbsence(error)) return [];
    throw error;
  });
  for (const name of names) if (!ours.includes(name)) await rm(join(folder, name), REMOVAL);
  for (const name of ours) await rm(join(folder, name), REMOVAL);
  await rm(folder, REMOVAL);
}

/** Moves it aside and deletes it with all that is in it. @param path a folder. */
export async function removeAside(path: string, telling: Telling): Promise<void> {
  const place = await moveAside(path);
  await (place === path ? removeInPlace(path, telling) : rm(place, REMOVAL));
}

/** Where it was before it was moved aside. */
export function originalPath(path: string): string {
  return path.replace(/\.[0-9a-f]{8}\.removed$/, '');
}
