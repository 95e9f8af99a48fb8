import { crc32, inflateRaw } from 'node:zlib';

/** One file of a zip archive, from its central directory. Sizes in bytes. */
export interface ZipEntry {
  name: string;
  method: number;
  crc32: number;
  packedBytes: number;
  sizeBytes: number;
  headerOffset: number;
}

const END_RECORD_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const STORED = 0;
const DEFLATED = 8;

/**
 * The central directory of a zip archive (PKWARE APPNOTE, sections 4.3.12 and 4.3.16); unpacks nothing.
 * @throws Error saying what is wrong with the archive. ZIP64 and split archives are refused: no archive read
 * here comes near 4 GB.
 */
export function listZip(bytes: Uint8Array): ZipEntry[] {
  const buffer = asBuffer(bytes);
  const end = findEndRecord(buffer);
  if (end === -1) throw new Error('not a zip archive');
  const count = buffer.readUInt16LE(end + 10);
  let at = buffer.readUInt32LE(end + 16);
  if (count === 0xffff || at === 0xffffffff) throw new Error('ZIP64 archives are not supported');
  const entries: ZipEntry[] = [];
  for (let index = 0; index < count; index++) {
    if (at + 46 > end || buffer.readUInt32LE(at) !== 0x02014b50) throw new Error('damaged zip directory');
    const nameBytes = buffer.readUInt16LE(at + 28);
    const tailBytes = buffer.readUInt16LE(at + 30) + buffer.readUInt16LE(at + 32);
    entries.push({
      method: buffer.readUInt16LE(at + 10),
      crc32: buffer.readUInt32LE(at + 16),
      packedBytes: buffer.readUInt32LE(at + 20),
      sizeBytes: buffer.readUInt32LE(at + 24),
      headerOffset: buffer.readUInt32LE(at + 42),
      name: buffer.toString('utf8', at + 46, at + 46 + nameBytes),
    });
    at += 46 + nameBytes + tailBytes;
  }
  return entries;
}

/**
 * Unpacks one file off the main thread, and checks its size and CRC.
 * @param maxBytes larger files are refused, whatever the directory claims, so memory use is bounded.
 * @throws Error naming the entry.
 */
export async function readZipEntry(
  bytes: Uint8Array,
  entry: ZipEntry,
  maxBytes: number,
): Promise<Uint8Array> {
  if (entry.sizeBytes > maxBytes) {
    throw new Error(`${entry.name} is ${entry.sizeBytes} bytes, more than the ${maxBytes} allowed`);
  }
  const buffer = asBuffer(bytes);
  const header = entry.headerOffset;
  if (header + 30 > buffer.length || buffer.readUInt32LE(header) !== 0x04034b50) {
    throw new Error(`damaged zip entry ${entry.name}`);
  }
  const start = header + 30 + buffer.readUInt16LE(header + 26) + buffer.readUInt16LE(header + 28);
  const packed = buffer.subarray(start, start + entry.packedBytes);
  const content = await unpack(packed, entry);
  if (content.length !== entry.sizeBytes || crc32(content) !== entry.crc32) {
    throw new Error(`damaged zip entry ${entry.name}`);
  }
  return content;
}

async function unpack(packed: Buffer, entry: ZipEntry): Promise<Uint8Array> {
  if (entry.method === STORED) return packed;
  if (entry.method !== DEFLATED) throw new Error(`${entry.name} uses zip method ${entry.method}`);
  return new Promise((resolve, reject) => {
    // At least 1: zlib treats a limit of 0 as none.
    inflateRaw(packed, { maxOutputLength: Math.max(1, entry.sizeBytes) }, (error, content) =>
      error
        ? reject(new Error(`damaged zip entry ${entry.name}: ${error.message}`, { cause: error }))
        : resolve(content),
    );
  });
}

function findEndRecord(buffer: Buffer): number {
  const lowest = Math.max(0, buffer.length - END_RECORD_BYTES - MAX_COMMENT_BYTES);
  for (let at = buffer.length - END_RECORD_BYTES; at >= lowest; at--) {
    if (buffer.readUInt32LE(at) === 0x06054b50) return at;
  }
  return -1;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
