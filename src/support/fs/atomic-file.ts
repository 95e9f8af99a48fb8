import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../errors.ts';
import { assertNoLinkWithin, UnusableFileError } from './regular-file.ts';

/**
 * Creates a folder and its parents, never world-writable whatever the umask. @throws the file system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o775 });
}

/**
 * Writes a whole file atomically: a reader, or the next run after a power cut, sees either the old content or
 * the new. Temp file beside it, fsync, rename, fsync of the folder. A link or pipe in its place is replaced
 * and never written through.
 * @param options.isDurable `false` skips both fsyncs: for hints, or files that are synced together with
 * others.
 * @throws the file system's own error, after removing the temp file.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
  { isDurable = true }: { isDurable?: boolean } = {},
): Promise<void> {
  const staged = await stageFile(path, content, mode, { isDurable });
  await staged.place();
  if (isDurable) await syncDirectory(dirname(path));
}

/** The new content of a file, beside it. */
export interface StagedFile {
  path: string;
  /** Takes the file's place. @throws the file system's own error, after removing itself. */
  place(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * The first half of `writeFileAtomic`, for a caller that syncs the content together with others before it places it.
 * @throws the file system's own error, after removing the temp file.
 */
export async function stageFile(
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
  { isDurable = false }: { isDurable?: boolean } = {},
): Promise<StagedFile> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const discard = () => rm(temporary, { force: true });
  const orDiscard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      await discard();
      if (errorCode(error) === 'EISDIR') throw new UnusableFileError(path, 'is a folder, not a file');
      throw error;
    }
  };
  await orDiscard(async () => {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(content);
      if (isDurable) await handle.sync();
    } finally {
      await handle.close();
    }
  });
  return { path: temporary, place: () => orDiscard(() => rename(temporary, path)), discard };
}

/**
 * The same for a file of a project, see `assertNoLinkWithin`. @throws UnusableFileError for a link in its
 * path; the file system's error.
 */
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
 * Makes a rename in this folder survive a power cut, where the file system can. Never rejects: the rename has
 * happened, and a caller that took it for failed would remove the active file. Windows has no such call and
 * needs none.
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
