import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CARRIED_NODE_WHEELS } from '../../src/bundle/app/node-release.ts';
import type { BundleRefusal } from '../../src/bundle/archive/bundle-error.ts';
import type { BundleContents } from '../../src/bundle/archive/bundle-schema.ts';
import {
  BLOCK_BYTES,
  decodeHeader,
  encodeHeader,
  isMemberPath,
  paddingAfter,
} from '../../src/bundle/archive/ustar.ts';
import { verifyBundle } from '../../src/bundle/verify.ts';
import { jsonText } from '../../src/support/fs/atomic-file.ts';
import {
  contentsOf,
  entry,
  MEMBERS,
  sha256,
  trustOf,
  WHEELS,
  writeArchive,
  writeSmallBundle,
} from '../fixtures/small-bundle.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

let folder: string;
let path: string;
let whole: Buffer;

beforeAll(async () => {
  folder = await temporaryFolderForFile();
  path = await writeSmallBundle(folder);
  whole = await readFile(path);
});

const bodyOf = (index: number) => WHEELS[MEMBERS[index]!.file];
const members = () => MEMBERS.map(({ member, file }) => entry(member.path, WHEELS[file]));
const listOf = (text: string | Buffer) => [
  entry('bundle.json', text),
  entry('bundle.json.sha256', `${sha256(text)}  bundle.json\n`),
];
const list = (change: Partial<BundleContents> = {}) => listOf(jsonText(contentsOf(change)));
const firstWith = (change: object) =>
  [{ ...MEMBERS[0]!.member, ...change }, MEMBERS[1]!.member] as BundleContents['members'];

const all = MEMBERS.map(({ member }) => member);
const extra = (path: string, kind: 'app' | 'node' | 'document') => ({
  path,
  kind,
  sha256: sha256('x'),
  sizeBytes: 1,
  source: 'ktx',
  licence: 'MIT',
});
const pin = CARRIED_NODE_WHEELS['linux-x64']!;
const NODE = {
  ...extra('node/linux-arm64/node', 'node'),
  sha256: pin.binarySha256,
  sizeBytes: pin.binarySizeBytes,
};

/** The header of the first member with one field overwritten, its checksum right or as it was. */
function forged(offset: number, text: string, isSummed = true): { header: Buffer; body: string } {
  const header = Buffer.from(encodeHeader({ path: MEMBERS[0]!.member.path, sizeBytes: bodyOf(0).length }));
  header.write(text, offset, 'latin1');
  if (isSummed) {
    let sum = 0;
    for (let index = 0; index < BLOCK_BYTES; index++)
      sum += index >= 148 && index < 156 ? 32 : header[index]!;
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return { header, body: bodyOf(0) };
}

type Case = [name: string, refusal: BundleRefusal, make: () => Promise<string>];
const archive = (...entries: { header: Buffer; body: string | Buffer }[]) =>
  writeArchive(join(folder, 'case'), entries);
const bytes = async (content: Buffer) => {
  await writeFile(join(folder, 'case'), content);
  return join(folder, 'case');
};

const CASES: Case[] = [
  ['an empty file', 'truncated', () => bytes(Buffer.alloc(0))],
  ['a text file', 'not-a-bundle', () => bytes(Buffer.from('hello '.repeat(200)))],
  ['a zip file', 'not-a-bundle', () => bytes(Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(2000)]))],
  ['an archive of nothing', 'not-a-bundle', () => bytes(Buffer.alloc(1024))],
  [
    'an archive that begins with another file',
    'not-a-bundle',
    () => archive(members()[0]!, ...list(), members()[1]!),
  ],
  ['half of a copy', 'truncated', () => bytes(whole.subarray(0, whole.length / 2))],
  ['a copy that lacks the last block', 'truncated', () => bytes(whole.subarray(0, whole.length - 512))],
  ['a copy that lacks one byte', 'truncated', () => bytes(whole.subarray(0, -1))],
  ['a byte after the end', 'structure', () => bytes(Buffer.concat([whole, Buffer.from('x')]))],
  ['a second archive after the end', 'structure', () => bytes(Buffer.concat([whole, whole]))],
  [
    'an end that is not empty',
    'structure',
    () =>
      writeArchive(
        join(folder, 'case'),
        [...list(), ...members()],
        Buffer.concat([Buffer.alloc(512), Buffer.alloc(512, 1)]),
      ),
  ],
  [
    'a byte in the padding',
    'structure',
    async () => {
      const at = BLOCK_BYTES + Buffer.byteLength(list()[0]!.body);
      const copy = Buffer.from(whole);
      copy[at + paddingAfter(Buffer.byteLength(list()[0]!.body)) - 1] = 7;
      return bytes(copy);
    },
  ],
  ['a member left out', 'structure', () => archive(...list(), members()[0]!)],
  ['a member more', 'structure', () => archive(...list(), ...members(), entry('store/more', 'x'))],
  ['a member twice', 'structure', () => archive(...list(), members()[0]!, members()[0]!, members()[1]!)],
  ['members in another order', 'structure', () => archive(...list(), ...members().reverse())],
  [
    'a member of another name',
    'structure',
    () => archive(...list(), entry('store/renamed', bodyOf(0)), members()[1]!),
  ],
  [
    'a member of another size',
    'digest',
    () => archive(...list(), entry(MEMBERS[0]!.member.path, `${bodyOf(0)}x`), members()[1]!),
  ],
  [
    'other bytes of the same size',
    'digest',
    () =>
      archive(...list(), entry(MEMBERS[0]!.member.path, bodyOf(0).replace('first', 'fxrst')), members()[1]!),
  ],
  [
    'a list rewritten around an altered wheel',
    'not-pinned',
    () => {
      const text = bodyOf(0).replace('first', 'fxrst');
      const member = {
        ...MEMBERS[0]!.member,
        sha256: sha256(text),
        path: `store/${sha256(text)}/${MEMBERS[0]!.file}`,
      };
      return archive(
        ...list({ members: [member, MEMBERS[1]!.member] }),
        entry(member.path, text),
        members()[1]!,
      );
    },
  ],
  [
    'a known wheel under another name',
    'not-pinned',
    () =>
      archive(
        ...list({ members: firstWith({ path: 'store/x/other.whl' }) }),
        entry('store/x/other.whl', bodyOf(0)),
        members()[1]!,
      ),
  ],
  [
    'a wheel that claims to be uv',
    'not-pinned',
    () => archive(...list({ members: firstWith({ kind: 'uv' }) }), ...members()),
  ],
  [
    'a document inside the store',
    'not-pinned',
    () => archive(...list({ members: firstWith({ kind: 'document' }) }), ...members()),
  ],
  [
    'a size that the pin does not have',
    'not-pinned',
    () => archive(...list({ members: firstWith({ sizeBytes: 3 }) }), ...members()),
  ],
  [
    'a program that is not this one',
    'not-pinned',
    () =>
      archive(
        ...list({ members: [extra('app/bin/ktx.cjs', 'app'), ...all] }),
        entry('app/bin/ktx.cjs', 'x'),
        ...members(),
      ),
  ],
  [
    'a file more of the program',
    'not-pinned',
    () =>
      archive(
        ...list({ members: [extra('app/bin/more.cjs', 'app'), ...all] }),
        entry('app/bin/more.cjs', 'x'),
        ...members(),
      ),
  ],
  [
    'an installer that is not the one of ktx',
    'not-pinned',
    () =>
      archive(
        ...list({ members: [extra('install.sh', 'app'), ...all] }),
        entry('install.sh', 'x'),
        ...members(),
      ),
  ],
  [
    'a Node that is not pinned',
    'not-pinned',
    () =>
      archive(
        ...list({ members: [extra('node/linux-x64/node', 'node'), ...all] }),
        entry('node/linux-x64/node', 'x'),
        ...members(),
      ),
  ],
  [
    'the pinned Node in another place',
    'not-pinned',
    () => archive(...list({ members: [NODE, ...all] }), ...members()),
  ],
  [
    'an installer that claims to be a document',
    'not-pinned',
    () =>
      archive(
        ...list({ members: [extra('install.sh', 'document'), ...all] }),
        entry('install.sh', 'x'),
        ...members(),
      ),
  ],
  ['a list that is not JSON', 'contents', () => archive(...listOf('{'), ...members())],
  [
    'a list that is not UTF-8',
    'contents',
    () => archive(...listOf(Buffer.from([0x7b, 0xff, 0x7d])), ...members()),
  ],
  ['a list that is a number', 'contents', () => archive(...listOf('7'), ...members())],
  [
    'a list without members',
    'contents',
    () => archive(...listOf(JSON.stringify({ ...contentsOf(), members: undefined })), ...members()),
  ],
  [
    'a list with a negative size',
    'contents',
    () => archive(...list({ members: firstWith({ sizeBytes: -1 }) }), ...members()),
  ],
  [
    'a list with a size that no archive holds',
    'contents',
    () => archive(...list({ members: firstWith({ sizeBytes: 2 ** 40 }) }), ...members()),
  ],
  [
    'a list with a digest in capitals',
    'contents',
    () =>
      archive(
        ...list({ members: firstWith({ sha256: MEMBERS[0]!.member.sha256.toUpperCase() }) }),
        ...members(),
      ),
  ],
  [
    'a list with a way out',
    'contents',
    () => archive(...list({ members: firstWith({ path: '../../etc/passwd' }) }), ...members()),
  ],
  [
    'a list with an absolute name',
    'contents',
    () => archive(...list({ members: firstWith({ path: '/etc/passwd' }) }), ...members()),
  ],
  [
    'a list with a name of Windows',
    'contents',
    () => archive(...list({ members: firstWith({ path: 'store\\x' }) }), ...members()),
  ],
  [
    'a list that lists itself',
    'contents',
    () => archive(...list({ members: firstWith({ path: 'bundle.json' }) }), ...members()),
  ],
  [
    'a list with a name twice, in capitals',
    'contents',
    () =>
      archive(
        ...list({
          members: [
            MEMBERS[0]!.member,
            { ...MEMBERS[0]!.member, path: MEMBERS[0]!.member.path.replace('store', 'STORE') },
          ],
        }),
        ...members(),
      ),
  ],
  [
    'a list of a newer form',
    'other-version',
    () => archive(...listOf(JSON.stringify({ ...contentsOf(), schemaVersion: 2 })), ...members()),
  ],
  [
    'a list for another lock',
    'other-version',
    () => archive(...list({ lockSha256: sha256('other') }), ...members()),
  ],
  [
    'a list for another wheel',
    'other-version',
    () => archive(...list({ wheelSha256: sha256('other') }), ...members()),
  ],
  [
    'a list larger than lists are',
    'structure',
    async () => {
      const header = encodeHeader({ path: 'bundle.json', sizeBytes: 17 * 1024 * 1024 });
      return bytes(Buffer.concat([header, Buffer.alloc(17 * 1024 * 1024), Buffer.alloc(1024)]));
    },
  ],
  [
    'a signature larger than signatures are',
    'structure',
    () => archive(...list(), entry('bundle.json.sig', 'x'.repeat(65 * 1024)), ...members()),
  ],
  ['a symbolic link', 'structure', () => archive(...list(), forged(156, '2'), members()[1]!)],
  ['a hard link', 'structure', () => archive(...list(), forged(156, '1'), members()[1]!)],
  ['a folder', 'structure', () => archive(...list(), forged(156, '5'), members()[1]!)],
  ['a character device', 'structure', () => archive(...list(), forged(156, '3'), members()[1]!)],
  ['a block device', 'structure', () => archive(...list(), forged(156, '4'), members()[1]!)],
  ['a named pipe', 'structure', () => archive(...list(), forged(156, '6'), members()[1]!)],
  ['a pax header', 'structure', () => archive(...list(), forged(156, 'x'), members()[1]!)],
  ['a global pax header', 'structure', () => archive(...list(), forged(156, 'g'), members()[1]!)],
  ['a long name of GNU', 'structure', () => archive(...list(), forged(156, 'L'), members()[1]!)],
  ['a sparse file of GNU', 'structure', () => archive(...list(), forged(156, 'S'), members()[1]!)],
  [
    'a size in base 256',
    'structure',
    () => archive(...list(), forged(124, '\x80\0\0\0\0\0\0\0\0\0\x01\x00'), members()[1]!),
  ],
  [
    'a size in another form',
    'structure',
    () => archive(...list(), forged(124, '       1440 '), members()[1]!),
  ],
  ['an owner', 'structure', () => archive(...list(), forged(108, '0001750'), members()[1]!)],
  ['an executable mode', 'structure', () => archive(...list(), forged(100, '0000755'), members()[1]!)],
  ['a time', 'structure', () => archive(...list(), forged(136, '15000000000'), members()[1]!)],
  ['a link target', 'structure', () => archive(...list(), forged(157, '/etc/passwd'), members()[1]!)],
  ['the magic of GNU', 'structure', () => archive(...list(), forged(257, 'ustar  \0'), members()[1]!)],
  ['a wrong checksum', 'structure', () => archive(...list(), forged(148, '000001\0 ', false), members()[1]!)],
  [
    'a way out in a header',
    'structure',
    () => archive(...list(), forged(0, '../x\0'.padEnd(100, '\0')), members()[1]!),
  ],
  ['bytes behind a name', 'structure', () => archive(...list(), forged(499, 'x'), members()[1]!)],
];

describe('a bundle that was tampered with is refused before anything of it is used', () => {
  it.each(CASES)('%s', async (_name, refusal, make) => {
    const taken: string[] = [];
    const reading = verifyBundle(await make(), trustOf());
    await expect(reading).rejects.toMatchObject({ name: 'BundleError', refusal });
    expect(taken).toEqual([]);
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
  it('takes what the writer writes, and nothing else, in 20,000 mutations', () => {
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
      { numRuns: 20_000 },
    );
  });

  it('gives back every name and size that it can write', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9_+-]{1,30}$/);
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.nat(2 ** 31), (parts, sizeBytes) => {
        const header = { path: parts.join('/'), sizeBytes };
        expect(decodeHeader(encodeHeader(header))).toEqual(header);
      }),
    );
  });
});
