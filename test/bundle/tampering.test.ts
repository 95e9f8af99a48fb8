import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { BLOCK_BYTES, decodeHeader, encodeHeader, isMemberPath } from '../../src/bundle/archive/ustar.ts';
import { verifyBundle } from '../../src/bundle/verify.ts';
import { prepareTampering, TAMPERING } from '../fixtures/bundle-tampering.ts';
import { contentsOf, MEMBERS, trustOf, writeSmallBundle } from '../fixtures/small-bundle.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

let folder: string;
let path: string;
let whole: Buffer;

beforeAll(async () => {
  folder = await temporaryFolderForFile();
  await prepareTampering(folder);
  path = await writeSmallBundle(folder);
  whole = await readFile(path);
});

const bytes = async (content: Buffer) => {
  await writeFile(join(folder, 'case'), content);
  return join(folder, 'case');
};

describe('a bundle that was tampered with is refused before anything of it is used', () => {
  it.each(TAMPERING)('%s', async (_name, refusal, make, trust) => {
    const reading = verifyBundle(await make(), trustOf(await trust?.()));
    await expect(reading).rejects.toMatchObject({ name: 'BundleError', refusal });
  });

  it('the whole one is accepted', async () => {
    const { contents, sizeBytes } = await verifyBundle(path, trustOf());
    expect(contents).toEqual(contentsOf());
    expect(sizeBytes).toBe(whole.length);
  });

  it('one flipped bit in any block is found', async () => {
    for (let at = 0; at < whole.length; at += 173) {
      const copy = Buffer.from(whole);
      copy[at] = copy[at]! ^ (1 << (at % 8));
      await expect(verifyBundle(await bytes(copy), trustOf()), `byte ${at}`).rejects.toMatchObject({
        name: 'BundleError',
      });
    }
  });
});

describe('the reader of headers', () => {
  it('takes what the writer writes, and nothing else, in 5,000 mutations', () => {
    const header = encodeHeader({ path: MEMBERS[0]!.member.path, sizeBytes: 1234 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(BLOCK_BYTES - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const copy = Buffer.from(header);
          for (const [at, byte] of changes) copy[at] = byte;
          let read: ReturnType<typeof decodeHeader>;
          try {
            read = decodeHeader(copy);
          } catch (error) {
            return (error as Error).name === 'UstarError';
          }
          return read !== null && encodeHeader(read).equals(copy) && isMemberPath(read.path);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it.each([
    [99, 'another form of the name'],
    [100, 'another mode than 644'],
    [107, 'another mode than 644'],
    [108, 'an owner'],
    [116, 'a group'],
    [136, 'a time'],
    [147, 'a time'],
    [157, 'the target of a link'],
    [256, 'the target of a link'],
    [257, 'another magic than that of ustar'],
    [264, 'another magic than that of ustar'],
    [265, 'the name of an owner'],
    [296, 'the name of an owner'],
    [297, 'the name of a group'],
    [329, 'the number of a device'],
    [345, 'another form of the name'],
    [500, 'bytes behind the last field'],
    [511, 'bytes behind the last field'],
  ])('names what is foreign at byte %i: %s', (at, what) => {
    const block = encodeHeader({ path: 'name', sizeBytes: 5 });
    block[at] = block[at] === 0x31 ? 0x37 : 0x31;
    // A header is only read with the right sum.
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    expect(() => decodeHeader(block)).toThrow(what);
  });

  it('reads back every name and size that it can write', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_+-]{1,30}$/);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.nat(2 ** 31), (parts, sizeBytes) => {
        const header = { path: parts.join('/'), sizeBytes };
        expect(decodeHeader(encodeHeader(header))).toEqual(header);
      }),
    );
  });
});
