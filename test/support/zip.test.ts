import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { listZip, readZipEntry } from '../../src/support/zip.ts';

const TEXT = strToU8('uv '.repeat(2000));

function entryOf(bytes: Uint8Array, name: string) {
  const entry = listZip(bytes).find((candidate) => candidate.name === name);
  if (!entry) throw new Error(`no ${name}`);
  return entry;
}

describe('zip', () => {
  it.each([
    ['deflated', 6],
    ['stored', 0],
  ] as const)('reads a %s entry', async (_name, level) => {
    const zip = zipSync({ 'a/uv': [TEXT, { level }], empty: new Uint8Array(0), é漢: TEXT });
    expect(listZip(zip).map(({ name }) => name)).toEqual(['a/uv', 'empty', 'é漢']);
    expect(Buffer.from(await readZipEntry(zip, entryOf(zip, 'a/uv'), 1e6))).toEqual(Buffer.from(TEXT));
    expect(await readZipEntry(zip, entryOf(zip, 'empty'), 1e6)).toHaveLength(0);
  });

  it('finds the directory behind an archive comment, in a view into a larger buffer', async () => {
    const zip = zipSync({ uv: TEXT }, { comment: 'hello' } as never);
    const shifted = Buffer.concat([Buffer.alloc(7), zip]).subarray(7);
    expect(listZip(shifted)).toHaveLength(1);
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['text', strToU8('<html>captive portal</html>')],
    ['a cut one', zipSync({ uv: TEXT }).subarray(0, -30)],
  ])('refuses %s', (_name, bytes) => {
    expect(() => listZip(bytes)).toThrow('not a zip archive');
  });

  it('refuses a directory that points nowhere', () => {
    const zip = Buffer.from(zipSync({ uv: TEXT }));
    zip.writeUInt32LE(zip.length - 10, zip.length - 6);
    expect(() => listZip(zip)).toThrow('damaged zip directory');
  });

  it('lists an entry whose header ends where the directory ends', () => {
    const entries = listZip(zipSync({ '': new Uint8Array(0) }));
    expect(entries).toMatchObject([
      { name: '', sizeBytes: 0, packedBytes: expect.any(Number), headerOffset: 0 },
    ]);
  });

  it.each([
    ['a count that stands elsewhere', 12],
    ['a place that stands elsewhere', 6],
  ])('refuses ZIP64: %s', (_, fromEnd) => {
    const zip = Buffer.from(zipSync({ uv: TEXT }));
    if (fromEnd === 12) zip.writeUInt16LE(0xffff, zip.length - fromEnd);
    else zip.writeUInt32LE(0xffffffff, zip.length - fromEnd);
    expect(() => listZip(zip)).toThrow('ZIP64 archives are not supported');
  });

  it.each([0, 1, 0xffff])('finds the directory before a comment of %i bytes', (length) => {
    const zip = Buffer.concat([zipSync({ uv: TEXT }), Buffer.alloc(length, 'c')]);
    zip.writeUInt16LE(length, zip.length - length - 2);
    expect(listZip(zip)).toHaveLength(1);
  });

  it('refuses more than allowed by the word of the directory', async () => {
    const zip = zipSync({ uv: TEXT });
    await expect(readZipEntry(zip, entryOf(zip, 'uv'), TEXT.length - 1)).rejects.toThrow(
      `uv is ${TEXT.length} bytes, more than the ${TEXT.length - 1} allowed`,
    );
  });

  it('a stream that gives more than the directory says takes no more memory than that', async () => {
    const zip = zipSync({ uv: new Uint8Array(50_000_000) });
    const entry = { ...entryOf(zip, 'uv'), sizeBytes: 100 };
    await expect(readZipEntry(zip, entry, 1000)).rejects.toThrow(
      'damaged zip entry uv: Cannot create a Buffer larger than 100 bytes',
    );
  });

  it('refuses altered content of the same length', async () => {
    const zip = Buffer.from(zipSync({ uv: [TEXT, { level: 0 }] }));
    const at = zip.indexOf('uv uv uv');
    zip[at] = 0x55;
    await expect(readZipEntry(zip, entryOf(zip, 'uv'), 1e6)).rejects.toThrow('damaged zip entry uv');
  });
});
