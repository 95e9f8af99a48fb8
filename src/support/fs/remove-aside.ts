import { randomBytes } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';

/**
 * Gives a folder the name of something removed, `<path>.<8 hex digits>.removed`: a removal that is interrupted leaves nothing that
 * looks whole, and nothing whose origin could not be told. @returns the new path.
 */
export async function moveAside(path: string): Promise<string> {
  const aside = `${path}.${randomBytes(4).toString('hex')}.removed`;
  await rename(path, aside);
  return aside;
}

/** Moves it aside and deletes it with all that is in it. */
export async function removeAside(path: string): Promise<void> {
  await rm(await moveAside(path), { recursive: true, force: true, maxRetries: 3 });
}
