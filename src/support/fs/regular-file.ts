import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, rm, stat } from 'node:fs/promises';
import { devNull } from 'node:os';
import { isAbsolute, join, relative, sep } from 'node:path';
import { errorCode, isAbsence, SetupError } from '../errors.ts';
import { byHandThenRetry } from '../remedies.ts';

/**
 * Conditions for opening a file of ours, a project's or a user's. All such files are opened here. Only
 * regular files are opened, and opening never blocks: a named pipe would hang the program, unresponsive to
 * signals; a device may be endless, or react to being opened.
 */
export interface FileGuard {
  /** Longer files are refused. */
  maxBytes: number;
  /**
   * `follow` for files that users commonly link (settings, certificates) and files whose digest is checked.
   */
  links?: 'refuse' | 'follow';
  /** No part of the path below this folder may be a link, which in a cloned project could lead outside. */
  within?: string;
}

/** The path is not a regular file, or the file is too long. Class `conflict`; the message names the path. */
export class UnusableFileError extends SetupError {
  constructor(path: string, what: string) {
    super(`${path} ${what}.`, {
      failureClass: 'conflict',
      evidence: [path],
      remedies: [byHandThenRetry('Move it away')],
    });
    this.name = 'UnusableFileError';
  }
}

// Undefined on Windows, which has no named pipes in its file system.
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

const FLAGS = {
  read: constants.O_RDONLY,
  /** For resuming at some position. */
  update: constants.O_RDWR,
  append: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT,
} as const;

/**
 * Opens a file, see `FileGuard`. `append` creates it if necessary.
 * @throws UnusableFileError; the file system's error, including when the file does not exist.
 */
export async function openRegularFile(
  path: string,
  { maxBytes, links = 'refuse', within }: FileGuard,
  access: keyof typeof FLAGS = 'read',
  mode = 0o644,
): Promise<FileHandle> {
  if (within !== undefined) await assertNoLinkWithin(within, path);
  const doesFollow = links === 'follow';
  // Check before opening: opening some devices has side effects.
  const found = await (doesFollow ? stat : lstat)(path).catch((error: unknown) => {
    if (access === 'append' && errorCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (found) assertRegular(path, found, maxBytes);
  const flags = FLAGS[access] | O_NONBLOCK | (doesFollow ? 0 : O_NOFOLLOW);
  const handle = await open(path, flags, mode).catch((error: unknown) => {
    // Replaced since the check.
    if (errorCode(error) === 'ELOOP') throw new UnusableFileError(path, 'is a symbolic link, not a file');
    if (errorCode(error) === 'ENXIO') throw new UnusableFileError(path, 'is a named pipe, not a file');
    throw error;
  });
  try {
    assertRegular(path, await handle.stat(), maxBytes);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The whole content. `/dev/null` reads as an empty file where links are followed. @throws as
 * `openRegularFile`.
 */
export async function readRegularFile(path: string, guard: FileGuard): Promise<Buffer> {
  if (guard.links === 'follow' && path === devNull) return Buffer.alloc(0);
  const handle = await openRegularFile(path, guard);
  try {
    const { size } = await handle.stat();
    // One byte extra: a read that does not fill the buffer has reached the end.
    let buffer = Buffer.allocUnsafe(size + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      length += bytesRead;
      if (bytesRead === 0 || length < buffer.length) return buffer.subarray(0, length);
      if (length > guard.maxBytes) throw tooLong(path, guard.maxBytes);
      buffer = Buffer.concat([buffer], Math.min(buffer.length * 2, guard.maxBytes + 1));
    }
  } finally {
    await handle.close();
  }
}

/** The whole content as UTF-8. @throws as `openRegularFile`. */
export async function readRegularText(path: string, guard: FileGuard): Promise<string> {
  return (await readRegularFile(path, guard)).toString('utf8');
}

/**
 * Opens a new, empty file of ours for reading and writing. An existing file, link or pipe is removed first
 * and never written through.
 * @throws UnusableFileError for anything else in its place; the file system's error.
 */
export async function openNewFile(path: string, mode = 0o644): Promise<FileHandle> {
  await clearPlace(path);
  return createFile(path, mode);
}

/** Creates an empty file. @throws the file system's error, `EEXIST` when the path exists. */
export function createFile(path: string, mode = 0o644): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | O_NOFOLLOW, mode);
}

/** Removes a file, link or pipe at the path of a file of ours. @throws as `openNewFile`. */
export async function clearPlace(path: string): Promise<void> {
  const status = await lstat(path).catch((error: unknown) => {
    if (isAbsence(error)) return null;
    throw error;
  });
  if (status === null) return;
  // Do not remove a folder or a device.
  if (!status.isFile() && !status.isSymbolicLink() && !status.isFIFO())
    throw new UnusableFileError(path, `is ${kindText(status)}, not a file`);
  await rm(path, { force: true });
}

/**
 * @throws UnusableFileError when a part of the path below the folder is a link. Missing parts are accepted.
 */
export async function assertNoLinkWithin(folder: string, path: string): Promise<void> {
  const parts = relative(folder, path);
  if (parts.startsWith('..') || isAbsolute(parts)) throw new Error(`${path} is not within ${folder}`);
  let current = folder;
  for (const part of parts.split(sep).filter(Boolean)) {
    current = join(current, part);
    const status = await lstat(current).catch((error: unknown) => {
      if (isAbsence(error)) return null;
      throw error;
    });
    if (status === null) return;
    if (status.isSymbolicLink())
      throw new UnusableFileError(
        current,
        'is a symbolic link; nothing of a project is read or written through one',
      );
  }
}

function assertRegular(path: string, status: Stats, maxBytes: number): void {
  if (!status.isFile()) throw new UnusableFileError(path, `is ${kindText(status)}, not a file`);
  if (status.size > maxBytes) throw tooLong(path, maxBytes);
}

function tooLong(path: string, maxBytes: number): UnusableFileError {
  return new UnusableFileError(path, `is longer than the ${maxBytes} bytes that such a file can have`);
}

function kindText(status: Stats): string {
  if (status.isDirectory()) return 'a folder';
  if (status.isSymbolicLink()) return 'a symbolic link';
  if (status.isFIFO()) return 'a named pipe';
  return status.isSocket() ? 'a socket' : 'a device';
}
