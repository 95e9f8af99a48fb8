/**
 * The subset of POSIX ustar used for bundles: regular files only, fixed mode, time and owner, no extensions
 * (pax, GNU). The same content gives the same bytes, and a header has no hidden meaning.
 */
export const BLOCK_BYTES = 512;

/** The largest size that eleven octal digits can hold. */
export const MAX_MEMBER_BYTES = 8 ** 11 - 1;

export interface MemberHeader {
  path: string;
  sizeBytes: number;
}

/** A header differs from what this program writes. The message says how. */
export class UstarError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UstarError';
  }
}

/** Bytes between the end of a member's content and the next header. */
export function paddingAfter(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** Size of a complete archive with members of these sizes. */
export function archiveBytes(sizes: readonly number[]): number {
  const members = sizes.reduce((sum, size) => sum + BLOCK_BYTES + size + paddingAfter(size), 0);
  return members + 2 * BLOCK_BYTES;
}

/**
 * Whether a path may be used in a bundle: relative, with `/`, printable ASCII, no empty, `.` or `..` parts,
 * and nothing that Windows would interpret differently.
 */
export function isMemberPath(path: string): boolean {
  if (!/^[A-Za-z0-9._+!/-]{1,255}$/.test(path)) return false;
  return path.split('/').every((part) => part !== '' && !/^\.{1,2}$/.test(part) && !part.endsWith('.'));
}

/** @throws UstarError when the name does not fit into a header. */
export function encodeHeader({ path, sizeBytes }: MemberHeader): Buffer {
  const { name, prefix } = splitPath(path);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.write('00000000000\0', 136, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write('0000000\0', 329, 'latin1');
  header.write('0000000\0', 337, 'latin1');
  header.write(prefix, 345, 'latin1');
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/**
 * Parses a header. Rejects anything that `encodeHeader` would not have written for that name and size: types,
 * links, owners, times, long sizes, wrong checksums.
 * @returns `null` for a block of zeros: the end of the archive
 * @throws UstarError
 */
export function decodeHeader(block: Buffer): MemberHeader | null {
  if (block.every((byte) => byte === 0)) return null;
  const type = String.fromCharCode(block[156] ?? 0);
  if (type !== '0')
    throw new UstarError(
      `${TYPES[type] ?? `a member of type ${JSON.stringify(type)}`}: only regular files are allowed`,
    );
  const size = /^([0-7]{11})\0$/.exec(block.toString('latin1', 124, 136))?.[1];
  if (size === undefined) throw new UstarError('a member whose size is not eleven octal digits');
  const name = textOf(block, 0, 100);
  const prefix = textOf(block, 345, 500);
  const path = prefix === '' ? name : `${prefix}/${name}`;
  if (!isMemberPath(path))
    throw new UstarError(`a member with a name that is not allowed: ${JSON.stringify(path)}`);
  const header = { path, sizeBytes: Number.parseInt(size, 8) };
  const wanted = encodeHeader(header);
  if (!wanted.equals(block)) throw new UstarError(`${foreignField(block, wanted)} in the header of ${path}`);
  return header;
}

/** POSIX and GNU type flags written by other programs. */
const TYPES: Readonly<Record<string, string>> = {
  '\0': 'a member of an older form of tar',
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '5': 'a folder',
  '6': 'a named pipe',
  '7': 'a contiguous file',
  g: 'a global pax header',
  x: 'a pax header',
  L: 'a long name as GNU writes it',
  K: 'a long link name as GNU writes it',
  S: 'a sparse file',
};

/** Fields of a ustar header after its name, by offset. */
const FIELDS: readonly (readonly [start: number, name: string])[] = [
  [0, 'another form of the name'],
  [100, 'another mode than 644'],
  [108, 'an owner'],
  [116, 'a group'],
  [124, 'another form of the size'],
  [136, 'a time'],
  [148, 'a wrong checksum'],
  [156, 'another type'],
  [157, 'the target of a link'],
  [257, 'another magic than that of ustar'],
  [265, 'the name of an owner'],
  [297, 'the name of a group'],
  [329, 'the number of a device'],
  [345, 'another form of the name'],
  [500, 'bytes behind the last field'],
];

/** The first field that differs from what ktx writes; the checksum last, since it follows from the others. */
function foreignField(block: Buffer, wanted: Buffer): string {
  const differs = (at: number) => block[at] !== wanted[at];
  const places = Array.from({ length: BLOCK_BYTES }, (_, at) => at).filter(differs);
  const at = places.find((place) => place < 148 || place >= 156) ?? places[0] ?? 0;
  return FIELDS.findLast(([start]) => start <= at)?.[1] ?? 'something foreign';
}

function splitPath(path: string): { name: string; prefix: string } {
  if (path.length <= 100) return { name: path, prefix: '' };
  // The first split that leaves a name short enough.
  for (let at = path.indexOf('/'); at !== -1 && at <= 155; at = path.indexOf('/', at + 1)) {
    const name = path.slice(at + 1);
    if (name.length <= 100) return { name, prefix: path.slice(0, at) };
  }
  throw new UstarError(`the name ${path} is too long for an archive`);
}

function textOf(block: Buffer, start: number, end: number): string {
  const field = block.subarray(start, end);
  const length = field.indexOf(0);
  return field.toString('latin1', 0, length === -1 ? field.length : length);
}

function checksum(header: Buffer): number {
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    sum += index >= 148 && index < 156 ? 0x20 : (header[index] ?? 0);
  }
  return sum;
}
