import type { FileHandle } from 'node:fs/promises';
import { stat } from 'node:fs/promises';
import { errorCode } from '../../support/errors.ts';
import { assertGivenFile, howFar } from '../../support/fs/given-path.ts';
import { openRegularFile } from '../../support/fs/regular-file.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { directorySegments } from './bundle-directory.ts';
import { BundleError } from './bundle-error.ts';
import { partsOf } from './bundle-parts.ts';
import type { BundleSegment } from './bundle-segment.ts';

/** A bundle read sequentially: a single file, its parts in order, or the folder it was unpacked into. */
export interface BundleFile {
  /** As named by the user. */
  readonly path: string;
  readonly sizeBytes: number;
  /** The pieces it consists of, in order. */
  readonly segments: readonly BundleSegment[];
  /**
   * The next bytes, up to `maxBytes`; empty at the end. The buffer is valid until the call after next.
   * @throws BundleError when a file was truncated meanwhile; the file system's error
   */
  read(maxBytes: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Reads of 128 to 256 KiB hash fastest. */
const PIECE_BYTES = 256 * 1024;

/**
 * Opens a bundle: a file; its parts, given the first one (`FILE.001`) or the name that was split; or a
 * folder.
 * @throws BundleError when it, a part or a file of the folder is missing; UnusableFileError; the file system's
 * error.
 */
export async function openBundleFile(path: string): Promise<BundleFile> {
  const segments = await segmentsOf(path);
  const pieces = piecesOf(segments);
  // Read ahead: the next piece is read while this one is hashed.
  let next = settled(pieces.next());
  let current: Buffer = Buffer.alloc(0);
  return {
    path,
    segments,
    sizeBytes: segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    async close() {
      await next;
      await pieces.return();
    },
    async read(maxBytes) {
      if (current.length === 0) {
        const { error, value } = await next;
        if (error !== undefined) throw error;
        current = value ?? Buffer.alloc(0);
        next = settled(pieces.next());
      }
      const piece = current.subarray(0, maxBytes);
      current = current.subarray(piece.length);
      return piece;
    },
  };
}

/** Holds a read error until its piece is requested. */
async function settled(
  result: Promise<IteratorResult<Buffer, void>>,
): Promise<{ error?: unknown; value?: Buffer | undefined }> {
  try {
    return { value: (await result).value ?? undefined };
  } catch (error) {
    return { error };
  }
}

/** The bytes of a bundle. A piece stays valid until two more have been requested. */
async function* piecesOf(segments: readonly BundleSegment[]): AsyncGenerator<Buffer, void, undefined> {
  const largestBytes = Math.max(0, ...segments.map(({ sizeBytes }) => sizeBytes));
  const buffers = Array.from({ length: 3 }, () => Buffer.allocUnsafe(Math.min(PIECE_BYTES, largestBytes)));
  let turn = 0;
  for (const segment of segments) {
    if ('bytes' in segment) {
      if (segment.sizeBytes > 0) yield segment.bytes;
      continue;
    }
    const handle = await openSegment(segment);
    try {
      for (let position = 0; position < segment.sizeBytes; ) {
        const wanted = Math.min(segment.sizeBytes - position, PIECE_BYTES);
        const buffer = buffers[turn++ % buffers.length]!;
        const { bytesRead } = await handle.read(buffer, 0, wanted, position);
        if (bytesRead === 0)
          throw new BundleError('truncated', `${segment.path} became shorter while it was read`);
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }
}

/** The pieces a bundle consists of, in order. @throws as `openBundleFile`. */
export async function segmentsOf(path: string): Promise<readonly BundleSegment[]> {
  const status = await stat(path).catch(() => null);
  if (status?.isDirectory()) return directorySegments(path);
  if (status)
    await assertGivenFile(path, { what: 'bundle', flag: 'a bundle, its first part, or its folder' });
  const segments: BundleSegment[] = [];
  for (const part of await partsOf(path)) {
    // Checked with the same open call that later reads it.
    const handle = await openSegment({ path: part }).catch(async (error: unknown) => {
      throw errorCode(error) === 'ENOENT' ? await missing(part) : error;
    });
    segments.push({ path: part, sizeBytes: (await handle.stat()).size });
    await handle.close();
  }
  return segments;
}

async function missing(path: string): Promise<BundleError> {
  return new BundleError(
    'missing',
    `There is no bundle at ${path}`,
    [await howFar(path)],
    [
      otherRemedy(
        'Give the path of a bundle: its file, its first part, or the folder that it was unpacked into',
      ),
    ],
  );
}

/** @throws UnusableFileError; the file system's error. */
export function openSegment({ path, within }: { path: string; within?: string }): Promise<FileHandle> {
  const links = within === undefined ? 'follow' : 'refuse';
  return openRegularFile(path, {
    maxBytes: Number.POSITIVE_INFINITY,
    links,
    ...(within !== undefined && { within }),
  });
}
