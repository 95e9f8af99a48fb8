import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { BundleFile } from '../../src/bundle/archive/bundle-file.ts';
import { readArchive } from '../../src/bundle/archive/read-archive.ts';
import { encodeHeader, paddingAfter } from '../../src/bundle/archive/ustar.ts';

const member = (path: string, content: string) =>
  Buffer.concat([
    encodeHeader({ path, sizeBytes: content.length }),
    Buffer.from(content),
    Buffer.alloc(paddingAfter(content.length)),
  ]);
const END = Buffer.alloc(1024);
const WHOLE = Buffer.concat([
  member('a', 'x'.repeat(700)),
  member('b', ''),
  member('c', 'y'.repeat(512)),
  END,
]);

/** A file that gives at most so many bytes at once. */
function fileOf(bytes: Buffer, atOnce = 300): BundleFile {
  let at = 0;
  return {
    path: '/bundle.ktx',
    sizeBytes: bytes.length,
    async read(maxBytes: number) {
      const piece = bytes.subarray(at, at + Math.min(maxBytes, atOnce));
      at += piece.length;
      return piece;
    },
  } as BundleFile;
}

/** Path, size and content of each member; `null` for what was not read. */
async function read(bytes: Buffer, isWanted: (path: string) => boolean = () => true, atOnce?: number) {
  const found: [string, number, string | null][] = [];
  for await (const { path, sizeBytes, body } of readArchive(fileOf(bytes, atOnce))) {
    if (!isWanted(path)) {
      found.push([path, sizeBytes, null]);
      continue;
    }
    let content = '';
    for await (const piece of body()) content += piece;
    found.push([path, sizeBytes, content]);
  }
  return found;
}

it.each([1, 7, 300, 511, 512, 513, 10_000])('reads every member, %d bytes at a time', async (atOnce) => {
  expect(await read(WHOLE, undefined, atOnce)).toEqual([
    ['a', 700, 'x'.repeat(700)],
    ['b', 0, ''],
    ['c', 512, 'y'.repeat(512)],
  ]);
});

it.each([
  ['nothing', () => false],
  ['the last', (path: string) => path === 'c'],
  ['the first', (path: string) => path === 'a'],
] as const)('passes over what is not read: %s is', async (_, isWanted) => {
  const found = await read(WHOLE, isWanted);
  expect(found.map(([path]) => path)).toEqual(['a', 'b', 'c']);
  expect(
    found.filter(([path]) => isWanted(path)).every(([, size, content]) => content?.length === size),
  ).toBe(true);
});

it('passes over the rest of a member of which a part was read', async () => {
  const paths: string[] = [];
  for await (const { path, body } of readArchive(fileOf(WHOLE, 100))) {
    paths.push(path);
    for await (const _ of body()) break;
  }
  expect(paths).toEqual(['a', 'b', 'c']);
});

const changed = (at: number, byte: number) => {
  const bytes = Buffer.from(WHOLE);
  bytes[at] = byte;
  return bytes;
};
it.each([
  ['no archive at all', Buffer.from('x'.repeat(2000)), 'not-a-bundle'],
  ['a short text', Buffer.from('hello\n'), 'not-a-bundle'],
  ['a short archive of another kind', Buffer.from('504b0304140000', 'hex'), 'not-a-bundle'],
  ['a compressed bundle', gzipSync(WHOLE), 'not-a-bundle'],
  ['a short empty zip', Buffer.from('504b0506'.padEnd(44, '0'), 'hex'), 'not-a-bundle'],
  ['a short program', Buffer.from('\x7fELF\x02\x01\x01\0\0'), 'not-a-bundle'],
  ['a short text in UTF-16', Buffer.from('\ufeffhello', 'utf16le'), 'not-a-bundle'],
  ['cut in a header', encodeHeader({ path: 'bundle.json', sizeBytes: 5 }).subarray(0, 100), 'truncated'],
  ['cut in the first name', Buffer.from('bundle.j'), 'truncated'],
  ['cut in a member', WHOLE.subarray(0, 600), 'truncated'],
  ['cut in the padding', WHOLE.subarray(0, 1300), 'truncated'],
  ['cut before the end', WHOLE.subarray(0, WHOLE.length - 1024), 'truncated'],
  ['cut in the end', WHOLE.subarray(0, WHOLE.length - 512), 'truncated'],
  ['bytes in the padding', changed(512 + 700, 1), 'structure'],
  ['bytes in the last byte of the padding', changed(512 + 1023, 1), 'structure'],
  ['bytes in the end', changed(WHOLE.length - 1, 1), 'structure'],
  ['bytes after the end', Buffer.concat([WHOLE, Buffer.from('x')]), 'structure'],
  ['another header that is none', changed(512 + 1024, 1), 'structure'],
] as const)('refuses %s', async (_, bytes, refusal) => {
  await expect(read(bytes)).rejects.toMatchObject({ name: 'BundleError', refusal });
});
