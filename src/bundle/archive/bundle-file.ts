import type { FileHandle } from 'node:fs/promises';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openRegularFile } from '../../support/fs/regular-file.ts';
import { BundleError } from './bundle-error.ts';

/** A bundle that is read from start to end: one file, or its parts one after the other. */
export interface BundleFile {
  /** As the user named it. */
  readonly path: string;
  readonly sizeBytes: number;
  /**
   * The next bytes, at most so many; empty at the end. What is returned is only valid until the next call but one.
   * @throws the file system's error
   */
  read(maxBytes: number): Promise<Buffer>;
  close(): Promise<void>;
}

const PART = /\.(\d{3})$/;
const PIECE_BYTES = 256 * 1024;

/**
 * Opens a bundle. With the first of several parts (`FILE.001`), or the name that they were split from, all of them are read.
 * @throws BundleError when a part is missing; UnusableFileError; the file system's error.
 */
export async function openBundleFile(path: string): Promise<BundleFile> {
  const handles: { handle: FileHandle; sizeBytes: number }[] = [];
  const close = async () => {
    for (const { handle } of handles) await handle.close();
  };
  try {
    for (const part of await partsOf(path)) {
      const handle = await openRegularFile(part, { maxBytes: Number.POSITIVE_INFINITY, links: 'follow' });
      handles.push({ handle, sizeBytes: 0 });
      handles.at(-1)!.sizeBytes = (await handle.stat()).size;
    }
  } catch (error) {
    await close();
    throw error;
  }
  let current = 0;
  let position = 0;
  let buffers: [Buffer, Buffer] = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)];
  return {
    path,
    sizeBytes: handles.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    close,
    async read(maxBytes) {
      for (; current < handles.length; current++, position = 0) {
        const [buffer, other] = buffers;
        const wanted = Math.min(maxBytes, PIECE_BYTES);
        const { bytesRead } = await handles[current]!.handle.read(buffer, 0, wanted, position);
        if (bytesRead === 0) continue;
        position += bytesRead;
        buffers = [other, buffer];
        return buffer.subarray(0, bytesRead);
      }
      return Buffer.alloc(0);
    },
  };
}

async function partsOf(path: string): Promise<string[]> {
  const stem = basename(path).replace(PART, '');
  const entries = await readdir(dirname(path)).catch((): string[] => []);
  const isSplit = PART.test(path) || (!entries.includes(stem) && entries.includes(`${stem}.001`));
  if (!isSplit) return [path];
  const numbers = entries
    .filter((entry) => entry.startsWith(`${stem}.`) && PART.test(entry))
    .map((entry) => Number(PART.exec(entry)![1]))
    .sort((a, b) => a - b);
  numbers.forEach((number, position) => {
    if (number === position + 1) return;
    const name = `${stem}.${String(position + 1).padStart(3, '0')}`;
    throw new BundleError('truncated', `A part of the bundle is missing: ${name}`, [
      `looked in ${dirname(path)}`,
    ]);
  });
  return numbers.map((number) => join(dirname(path), `${stem}.${String(number).padStart(3, '0')}`));
}
