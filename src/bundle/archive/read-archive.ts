import { throwIfCancelled } from '../../support/errors.ts';
import { BundleError } from './bundle-error.ts';
import type { BundleFile } from './bundle-file.ts';
import { CONTENTS_PATH } from './bundle-schema.ts';
import { BLOCK_BYTES, decodeHeader, type MemberHeader, paddingAfter, UstarError } from './ustar.ts';

/** A member whose content can be read next. */
export interface ArchiveMember extends MemberHeader {
  /** Its content, exactly `sizeBytes`; throws if there is less. Must be read before the next member. */
  body(): AsyncIterable<Buffer>;
}

/**
 * The members of an archive, one at a time. Unread content of a member is skipped.
 * @throws BundleError for a structure that ktx does not write, missing data, or data after the end;
 * CancelledError; the file system's error.
 */
export async function* readArchive(file: BundleFile, signal?: AbortSignal): AsyncGenerator<ArchiveMember> {
  let doneBytes = 0;
  const take = async (maxBytes: number): Promise<Buffer> => {
    throwIfCancelled(signal);
    const piece = await file.read(maxBytes);
    if (piece.length === 0) throw truncated(file, doneBytes);
    if (doneBytes === 0) assertBundleStart(piece, file.sizeBytes);
    doneBytes += piece.length;
    return piece;
  };
  const block = async (): Promise<Buffer> => {
    const whole = Buffer.alloc(BLOCK_BYTES);
    for (let at = 0; at < BLOCK_BYTES; ) at += (await take(BLOCK_BYTES - at)).copy(whole, at);
    return whole;
  };
  for (let count = 0; ; count++) {
    const header = headerOf(await block(), count);
    if (header === null) break;
    let leftBytes = header.sizeBytes;
    yield {
      ...header,
      async *body() {
        while (leftBytes > 0) {
          const piece = await take(leftBytes);
          leftBytes -= piece.length;
          yield piece;
        }
      },
    };
    while (leftBytes > 0) leftBytes -= (await take(leftBytes)).length;
    let padding = paddingAfter(header.sizeBytes);
    while (padding > 0) {
      const piece = await take(padding);
      if (piece.some((byte) => byte !== 0)) throw broken(`bytes between ${header.path} and the next member`);
      padding -= piece.length;
    }
  }
  if ((await block()).some((byte) => byte !== 0)) throw broken('an end that is not two blocks of zeros');
  if (doneBytes !== file.sizeBytes) throw broken(`${file.sizeBytes - doneBytes} bytes after its end`);
}

function headerOf(block: Buffer, count: number): MemberHeader | null {
  try {
    return decodeHeader(block);
  } catch (error) {
    if (!(error instanceof UstarError)) throw error;
    if (count > 0) throw broken(error.message);
    throw notABundle(`it begins with ${error.message}`);
  }
}

function notABundle(evidence: string): BundleError {
  return new BundleError('not-a-bundle', 'This file is not a ktx bundle', [evidence]);
}

const COMPRESSIONS: readonly (readonly [start: string, name: string])[] = [
  ['1f8b', 'gzip'],
  ['504b0304', 'zip'],
  ['28b52ffd', 'zstd'],
  ['fd377a585a00', 'xz'],
  ['425a68', 'bzip2'],
  ['377abcaf271c', '7z'],
];

/** A file of another kind is not a bundle whose copy was interrupted. */
function assertBundleStart(start: Buffer, sizeBytes: number): void {
  const hex = start.subarray(0, 8).toString('hex');
  const compression = COMPRESSIONS.find(([magic]) => hex.startsWith(magic));
  if (compression) throw notABundle(`it is compressed with ${compression[1]}; unpack it first`);
  // What was cut in its first header still has a part of the first name.
  const name = start.toString('latin1', 0, CONTENTS_PATH.length);
  if (sizeBytes < BLOCK_BYTES && !CONTENTS_PATH.startsWith(name))
    throw notABundle('it does not begin with bundle.json');
}

function broken(what: string): BundleError {
  return new BundleError('structure', 'The bundle is not in the format that ktx writes', [`it has ${what}`]);
}

function truncated({ path, sizeBytes }: BundleFile, doneBytes: number): BundleError {
  return new BundleError('truncated', `The bundle ends too early: ${path}`, [
    `It has ${sizeBytes} bytes; more should follow byte ${doneBytes}`,
    'The copy was probably interrupted',
  ]);
}
