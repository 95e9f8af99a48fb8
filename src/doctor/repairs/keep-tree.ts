import type { Stats } from 'node:fs';
import {
  chmod,
  // biome-ignore lint/style/noRestrictedImports: copies what lstat has just shown to be a regular file
  copyFile,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  readdir,
  readlink,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '../../process/run-process.ts';
import { absentAsNull, isAbsence } from '../../support/errors.ts';

/** An entry that could not be copied, and its kind: `a socket`. */
export interface LostEntry {
  path: string;
  what: string;
}

/** The file system cannot hard-link this file, or the target is on another volume. */
class CannotLinkError extends Error {}

/**
 * Duplicates a tree to a path that does not exist yet: with hard links where possible, which take no space,
 * else with copies. Preserves symbolic links, pipes, sockets, devices, sparse files, modes, owners and times;
 * extended attributes only where the system's `cp` does.
 * @returns what could not be copied, such as a device for an ordinary user.
 * @throws the file system's error when content cannot be copied; a partial copy remains.
 */
export async function keepTree(from: string, to: string): Promise<LostEntry[]> {
  const folders: [string, Stats][] = [];
  try {
    await linkTree(from, to, folders);
    // Last and bottom-up: content cannot be added to a folder once it is read-only.
    for (const [path, status] of folders.reverse()) await copyFacts(path, status);
    return [];
  } catch (error) {
    if (!(error instanceof CannotLinkError)) throw error;
  }
  await rm(to, { recursive: true, force: true });
  const isCopied = await copyWithSystem(from, to);
  // Retries what a failed copy left out, or reports why it is impossible.
  return isCopied ? [] : completeTree(from, to);
}

async function linkTree(from: string, to: string, folders: [string, Stats][]): Promise<void> {
  const status = await lstat(from).catch(absentAsNull);
  if (status === null) return;
  if (status.isDirectory()) {
    await mkdir(to);
    folders.push([to, status]);
    for (const name of await readdir(from)) await linkTree(join(from, name), join(to, name), folders);
    return;
  }
  await link(from, to).catch((cause: unknown) => {
    if (!isAbsence(cause)) throw new CannotLinkError('cannot link', { cause });
  });
}

/**
 * Uses `cp -a` (GNU, BusyBox, BSD): Node cannot create pipes, detect holes in files or copy extended
 * attributes.
 */
async function copyWithSystem(from: string, to: string): Promise<boolean> {
  if (process.platform === 'win32') return false;
  try {
    const { exitCode } = await runProcess({ command: 'cp', args: ['-a', '--', from, to] });
    return exitCode === 0;
  } catch {
    return false;
  }
}

async function completeTree(from: string, to: string): Promise<LostEntry[]> {
  const status = await lstat(from).catch(absentAsNull);
  if (status === null) return [];
  const copy = await lstat(to).catch(absentAsNull);
  if (status.isDirectory()) {
    if (copy === null) await mkdir(to);
    const lost: LostEntry[] = [];
    for (const name of await readdir(from))
      lost.push(...(await completeTree(join(from, name), join(to, name))));
    await copyFacts(to, status);
    return lost;
  }
  if (copy !== null && copy.size === status.size) return [];
  if (status.isSymbolicLink()) await symlink(await readlink(from), to);
  else if (status.isFile()) await copyFile(from, to);
  else return [{ path: from, what: nameOf(status) }];
  await copyFacts(to, status);
  return [];
}

/** Copies mode, owner and times to a new entry. Only root can change the owner. */
async function copyFacts(path: string, { mode, uid, gid, atimeMs, mtimeMs }: Stats): Promise<void> {
  const made = await lstat(path);
  if (made.uid !== uid || made.gid !== gid) await lchown(path, uid, gid).catch(() => {});
  if (!made.isSymbolicLink()) await chmod(path, mode & 0o7777);
  await (made.isSymbolicLink() ? lutimes : utimes)(path, atimeMs / 1000, mtimeMs / 1000);
}

function nameOf(status: Stats): string {
  if (status.isFIFO()) return 'a pipe';
  return status.isSocket() ? 'a socket' : 'a device';
}
