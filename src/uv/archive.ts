import { gunzip } from 'node:zlib';
import { errorMessage } from '../support/errors.ts';
import { listZip, readZipEntry } from '../support/zip.ts';

/** uv has 48 to 68 MB; a larger archive cannot be genuine. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;
const TAR_BLOCK_BYTES = 512;

export interface UvArchive {
  /** File name of the archive: determines the format and appears in messages. */
  file: string;
  /** `uv`, or `uv.exe` on Windows. */
  binaryName: string;
  /** Path inside a zip if not at the root: a wheel's `uv-<version>.data/scripts/uv`. */
  member?: string;
}

/**
 * Extracts the uv binary from a release archive (`.tar.gz`, `.zip`) or a wheel (with `member`). The caller
 * has verified the bytes against a pinned digest; nothing is written.
 * @throws plain Error: `uv archive <file> is missing the <binary> binary`, or a decoding error.
 */
export async function extractUvBinary(bytes: Uint8Array, archive: UvArchive): Promise<Uint8Array> {
  const isZip = /\.(?:zip|whl)$/.test(archive.file);
  const binary = isZip ? await fromZip(bytes, archive) : await fromTarGz(bytes, archive);
  if (!binary) throw new Error(`uv archive ${archive.file} is missing the ${archive.binaryName} binary`);
  return binary;
}

/** Where the wheel keeps the binary (Binary distribution format, `.data` directory). */
export function uvWheelMember(version: string, binaryName: string): string {
  return `uv-${version}.data/scripts/${binaryName}`;
}

async function fromZip(bytes: Uint8Array, archive: UvArchive): Promise<Uint8Array | null> {
  const wanted = archive.member ?? archive.binaryName;
  try {
    const entry = listZip(bytes).find(({ name }) => name === wanted);
    return entry ? await readZipEntry(bytes, entry, MAX_UNPACKED_BYTES) : null;
  } catch (error) {
    throw undecodable(archive, error);
  }
}

async function fromTarGz(bytes: Uint8Array, archive: UvArchive): Promise<Uint8Array | null> {
  let tar: Buffer;
  try {
    tar = await new Promise((resolve, reject) => {
      gunzip(bytes, { maxOutputLength: MAX_UNPACKED_BYTES }, (error, unpacked) =>
        error ? reject(error) : resolve(unpacked),
      );
    });
  } catch (error) {
    throw undecodable(archive, error);
  }
  return findTarFile(tar, archive.binaryName);
}

/** Scans the headers of an uncompressed tar (POSIX ustar) for the first regular file with this base name. */
export function findTarFile(tar: Buffer, name: string): Uint8Array | null {
  for (let at = 0; at + TAR_BLOCK_BYTES <= tar.length; ) {
    const path = tarText(tar, at, 100);
    if (path === '') return null;
    const sizeBytes = Number.parseInt(tarText(tar, at + 124, 12).trim() || '0', 8);
    if (!Number.isSafeInteger(sizeBytes)) return null;
    const start = at + TAR_BLOCK_BYTES;
    const isFile = tar[at + 156] === 0x30 || tar[at + 156] === 0;
    if (isFile && (path === name || path.endsWith(`/${name}`)) && start + sizeBytes <= tar.length) {
      return tar.subarray(start, start + sizeBytes);
    }
    at = start + Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
  }
  return null;
}

function tarText(tar: Buffer, start: number, length: number): string {
  const field = tar.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? length : end);
}

function undecodable(archive: UvArchive, error: unknown): Error {
  return new Error(`uv archive ${archive.file} cannot be read: ${errorMessage(error)}`, { cause: error });
}
