import type { FileHandle } from 'node:fs/promises';
import { stat } from 'node:fs/promises';
import { openRegularFile } from '../../support/fs/regular-file.ts';
import { directorySegments } from './bundle-directory.ts';
import { BundleError } from './bundle-error.ts';
import { partsOf } from './bundle-parts.ts';
import type { BundleSegment } from './bundle-segment.ts';

/** A bundle that is read from start to end: one file, its parts one after the other, or the folder it was unpacked to. */
export interface BundleFile {
  /** As the user named it. */
  readonly path: string;
  readonly sizeBytes: number;
  /** What it is read from, in order. */
  readonly segments: readonly BundleSegment[];
  /**
   * The next bytes, at most so many; empty at the end. What is returned is only valid until the next call but one.
   * @throws BundleError when a file became shorter; the file system's error
   */
  read(maxBytes: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Reads of 128 to 256 KiB hash fastest. */
const PIECE_BYTES = 256 * 1024;

/**
 * Opens a bundle: a file; its parts, named by the first of them (`FILE.001`) or by the name that they were split from; a folder.
 * @throws BundleError when a part or a file of the folder is missing; UnusableFileError; the file system's error.
 */
export async function openBundleFile(path: string): Promise<BundleFile> {
  const segments = await segmentsOf(path);
  const buffers = [Buffer.allocUnsafe(PIECE_BYTES), Buffer.allocUnsafe(PIECE_BYTES)] as const;
  let turn = 0;
  let current = 0;
  let position = 0;
  let handle: FileHandle | null = null;
  const close = async () => {
    await handle?.close();
    handle = null;
  };
  const readFrom = async (segment: BundleSegment, maxBytes: number): Promise<Buffer> => {
    const wanted = Math.min(maxBytes, segment.sizeBytes - position);
    if ('bytes' in segment) return segment.bytes.subarray(position, position + wanted);
    handle ??= await openSegment(segment);
    const buffer = buffers[turn++ % 2]!;
    const { bytesRead } = await handle.read(buffer, 0, Math.min(wanted, PIECE_BYTES), position);
    if (bytesRead === 0)
      throw new BundleError('truncated', `${segment.path} became shorter while it was read`);
    return buffer.subarray(0, bytesRead);
  };
  return {
    path,
    segments,
    sizeBytes: segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    close,
    async read(maxBytes) {
      for (; current < segments.length; current++, position = 0, await close()) {
        const segment = segments[current]!;
        if (position >= segment.sizeBytes) continue;
        const piece = await readFrom(segment, maxBytes);
        position += piece.length;
        return piece;
      }
      return Buffer.alloc(0);
    },
  };
}

async function segmentsOf(path: string): Promise<readonly BundleSegment[]> {
  const status = await stat(path).catch(() => null);
  if (status?.isDirectory()) return directorySegments(path);
  const segments: BundleSegment[] = [];
  for (const part of await partsOf(path)) {
    // Looked at through the same door as it is read.
    const handle = await openSegment({ path: part });
    segments.push({ path: part, sizeBytes: (await handle.stat()).size });
    await handle.close();
  }
  return segments;
}

function openSegment({ path, within }: { path: string; within?: string }): Promise<FileHandle> {
  const links = within === undefined ? 'follow' : 'refuse';
  return openRegularFile(path, {
    maxBytes: Number.POSITIVE_INFINITY,
    links,
    ...(within !== undefined && { within }),
  });
}
