import { copyFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeHeader } from '../../../src/bundle/archive/ustar.ts';
import { bundleLayout, unevenPart } from '../../../src/bundle/nearby/bundle-layout.ts';
import { type BundleExpectation, judgeBundle } from '../../../src/bundle/nearby/judge-bundle.ts';
import {
  contentsOf,
  entry,
  FITTING,
  sha256,
  writeArchive,
  writeSmallBundle,
} from '../../fixtures/small-bundle.ts';
import { temporaryFolder, temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';

let whole: string;
let bytes: Buffer;
beforeAll(async () => {
  whole = await writeSmallBundle(await temporaryFolderForFile());
  bytes = await readFile(whole);
});

/** State and problem, with file names instead of paths. */
async function judged(path: string, wanted: Partial<BundleExpectation> = {}) {
  const found = await judgeBundle(path, { ...FITTING, ...wanted });
  if (found === null) return null;
  const { state, problem, totalBytes, sizeBytes, cliVersion } = found;
  const words = problem?.replaceAll(/(?:\/|store)\S+\//g, '') ?? null;
  return { said: [state, words], totalBytes, sizeBytes, cliVersion };
}

describe('what is said of a bundle', () => {
  it.each<[Partial<BundleExpectation>, string, string | null]>([
    [{}, 'usable', null],
    [{ features: [] }, 'usable', null],
    [{ lockSha256: sha256('x') }, 'other-version', 'It was made by another build of ktx 0.3.0'],
    [{ wheelSha256: sha256('x') }, 'other-version', 'It was made by another build of ktx 0.3.0'],
    [
      { lockSha256: sha256('x'), cliVersion: '0.4.0' },
      'other-version',
      'It was made by ktx 0.3.0; this is ktx 0.4.0',
    ],
    // The same lock and wheel fit, whichever version made it.
    [{ cliVersion: '0.4.0' }, 'usable', null],
    [{ platform: 'darwin-arm64' }, 'other-platform', 'It is for linux-x64; this machine is darwin-arm64'],
    [{ features: ['core', 'local-embeddings'] }, 'other-features', 'It was made without local-embeddings'],
  ])('by what is wanted: %j', async (wanted, state, problem) => {
    expect(await judged(whole, wanted)).toEqual({
      said: [state, problem],
      totalBytes: bytes.length,
      sizeBytes: bytes.length,
      cliVersion: '0.3.0',
    });
  });

  it('a copy of one file: how much has arrived, of how much when that is known', async () => {
    const copy = join(await temporaryFolder(), 'x.bundle');
    const cut = async (length: number) => {
      await copyFile(whole, copy);
      await truncate(copy, length);
      return judged(copy);
    };
    expect(await cut(100)).toMatchObject({
      said: ['incomplete', 'Only 100 B have arrived'],
      totalBytes: null,
      cliVersion: null,
    });
    expect((await cut(1000))!.said).toEqual(['incomplete', 'Only 1.0 kB have arrived']);
    const size = `${((bytes.length - 1024) / 1000).toFixed(1)} kB of ${(bytes.length / 1000).toFixed(1)} kB`;
    expect(await cut(bytes.length - 1024)).toMatchObject({
      said: ['incomplete', `x.bundle is cut short: ${size} so far`],
      totalBytes: bytes.length,
      cliVersion: '0.3.0',
    });
  });

  it('one file that is too long, not filled, or out of place', async () => {
    const copy = join(await temporaryFolder(), 'x.bundle');
    await writeFile(copy, Buffer.concat([bytes, Buffer.alloc(512)]));
    expect((await judged(copy))!.said).toEqual(['damaged', 'x.bundle is too long']);
    const { headers } = layout();
    const last = headers.at(-1)!;
    const zeros = Buffer.from(bytes);
    zeros.fill(0, last.position);
    await writeFile(copy, zeros);
    expect((await judged(copy))!.said).toEqual([
      'incomplete',
      `x.bundle is not filled up to ${basename(last.path)}`,
    ]);
    const other = Buffer.from(bytes);
    other.copyWithin(last.position, 0, 512);
    await writeFile(copy, other);
    const { problem } = (await judgeBundle(copy, FITTING))!;
    expect(problem).toBe(`${last.path} is not in its place`);
  });

  it('parts: missing, cut, too long, of another bundle', async () => {
    const folder = await temporaryFolder();
    const split = await writeSmallBundle(folder, { splitBytes: 2000 });
    const count = Math.ceil(bytes.length / 2000);
    const part = (number: number) => `${split}.00${number}`;
    const all = `${(bytes.length / 1000).toFixed(1)} kB`;
    const last = await readFile(part(count));
    await writeFile(part(count), Buffer.concat([last, Buffer.alloc(50)]));
    expect((await judged(part(1)))!.said).toEqual(['wrong-part', `small.ktx.00${count} is too long`]);
    await writeFile(part(count), last.subarray(0, -10));
    const arrived = `${((bytes.length - 10) / 1000).toFixed(1)} kB`;
    expect((await judged(part(1)))!.said).toEqual([
      'incomplete',
      `small.ktx.00${count} is cut short: ${arrived} of ${all} so far`,
    ]);
    await rm(part(count));
    expect((await judged(part(1)))!.said[1]).toBe(
      `small.ktx.00${count} is missing: ${2 * (count - 1)}.0 kB of ${all} so far`,
    );
    // Before the list is read, only the sizes so far are known.
    await truncate(part(1), 1000);
    const { said, totalBytes } = (await judged(part(1)))!;
    expect(said[0]).toBe('incomplete');
    expect(said[1]).toMatch(/^small\.ktx\.002 is missing: \d+\.0 kB so far$/);
    expect(totalBytes).toBeNull();
    await truncate(part(1), 999);
    expect((await judged(part(1)))!.said[1]).toMatch(/^small\.ktx\.001 is cut short: \d+\.\d kB so far$/);
  });

  it('files that are none: another archive, an empty name, a list that is too long', async () => {
    const folder = await temporaryFolder();
    const other = await writeArchive(join(folder, 'a.bundle'), [entry('other.json', '{}')]);
    expect(await judged(other)).toBeNull();
    const list = await writeArchive(join(folder, 'b.bundle'), [entry('bundle.json', '{}')]);
    expect((await judged(list))!.said[0]).toBe('damaged');
    await writeFile(join(folder, 'empty.bundle'), '');
    expect(await judged(join(folder, 'empty.bundle'))).toMatchObject({
      said: ['incomplete', 'Only 0 B have arrived'],
    });
    expect(await judged(join(folder, 'none.bundle'))).toBeNull();
  });
});

const layout = () => bundleLayout(contentsOf(), decodeHeader(bytes.subarray(0, 512))!.sizeBytes, 0);

describe('the layout of a bundle', () => {
  it('has the list, its digest, the signature if there is one, and the files that are in it', () => {
    const members = contentsOf().members;
    const contents = contentsOf({ members: [{ ...members[0]!, isOmitted: true }, members[1]!] });
    const paths = (signatureBytes: number) =>
      bundleLayout(contents, 700, signatureBytes).headers.map(({ path }) => path);
    expect(paths(0)).toEqual(['bundle.json', 'bundle.json.sha256', members[1]!.path]);
    expect(paths(300)).toEqual(['bundle.json', 'bundle.json.sha256', 'bundle.json.sig', members[1]!.path]);
  });

  it('begins each at a block of 512 bytes, after the header and the padding of the one before', () => {
    const { headers, totalBytes } = bundleLayout(contentsOf({ members: [] }), 513, 512);
    expect(headers.map(({ position }) => position)).toEqual([0, 512 + 1024, 512 + 1024 + 512 + 512]);
    expect(totalBytes % 512).toBe(0);
    expect(totalBytes).toBeGreaterThanOrEqual(headers[2]!.position + 512 + 512);
  });
});

it.each<[number[], number | null]>([
  [[100], null],
  [[100, 40], null],
  [[100, 100, 40], null],
  [[90, 100, 40], 1],
  [[100, 90, 40], 2],
  [[90, 90, 100], null],
  [[], null],
])('the first of parts %j that is shorter than others is %s', (sizes, part) => {
  expect(unevenPart(sizes)).toBe(part);
});
