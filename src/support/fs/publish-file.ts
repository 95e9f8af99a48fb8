import { randomBytes } from 'node:crypto';
import { link, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../errors.ts';
import { syncDirectory } from './atomic-file.ts';
import { createFile } from './regular-file.ts';

const NO_HARD_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

/**
 * Writes a new file completely or not at all, never overwriting one. Its folder must exist.
 * @returns `false` when the path already exists.
 * @throws the file system's error.
 */
export async function publishNewFile(path: string, text: string, mode?: number): Promise<boolean> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await writeNewFile(temporary, text, mode);
    await link(temporary, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    if (!NO_HARD_LINKS.has(errorCode(error) ?? '')) throw error;
    if (!(await writeUnlessThere(path, text, mode))) return false;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(dirname(path));
  return true;
}

async function writeNewFile(path: string, text: string, mode?: number): Promise<void> {
  const handle = await createFile(path, mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeUnlessThere(path: string, text: string, mode?: number): Promise<boolean> {
  try {
    await writeNewFile(path, text, mode);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}
