import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../errors.ts';
import { assertNoLinkWithin, UnusableFileError } from './regular-file.ts';

/** Makes a folder and those above it, writable for others under no umask. @throws the file system's error. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o775 });
}

/**
 * Writes a whole file so that a reader, or the next run after a power cut, sees the old content or the new
 * one and nothing between: temp file beside it, fsync, rename, fsync of the folder. Whatever else lies in the file's place, such as a
 * link or a pipe, is replaced and never written through.
 * @param options.isDurable `false` leaves out both fsyncs: for what is only a hint, or is synced together with others.
 * @throws the file system's own error; the temp file is gone then.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
  { isDurable = true }: { isDurable?: boolean } = {},
): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(content);
      if (isDurable) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    if (errorCode(error) === 'EISDIR') throw new UnusableFileError(path, 'is a folder, not a file');
    throw error;
  }
  if (isDurable) await syncDirectory(dirname(path));
}

/** The same for a file of a project, see `assertNoLinkWithin`. @throws UnusableFileError for a link on the way; the file system's error. */
export async function writeFileWithin(
  folder: string,
  path: string,
  content: string,
  mode?: number,
): Promise<void> {
  await assertNoLinkWithin(folder, dirname(path));
  await writeFileAtomic(path, content, mode);
}

/**
 * Makes a rename in this folder last through a power cut, where the file system can. Never rejects: the rename has happened, and
 * a caller that took it for failed would remove what is in force now. Windows has no such call and needs none.
 */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r').catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close().catch(() => {});
}

/** Two-space JSON with a final newline, as every manifest and state file of ktx is written. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
