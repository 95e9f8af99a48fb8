import {
  appendFile,
  copyFile,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sizeProblem } from '../../../src/bundle/nearby/bundle-layout.ts';
import { findBundlesNearby } from '../../../src/bundle/nearby/find-nearby.ts';
import { judgeBundle, type NearbyBundle } from '../../../src/bundle/nearby/judge-bundle.ts';
import { isBundleName, nearbyPlaces } from '../../../src/bundle/nearby/nearby-places.ts';
import {
  type BundleNews,
  newsOf,
  type WatchMemory,
  watchForBundle,
} from '../../../src/bundle/nearby/watch-nearby.ts';
import { FITTING, sha256, unpackBundle, writeSmallBundle } from '../../fixtures/small-bundle.ts';
import { temporaryFolder, temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';

let whole: string;
let wholeBytes: Buffer;
beforeAll(async () => {
  whole = await writeSmallBundle(await temporaryFolderForFile());
  wholeBytes = await readFile(whole);
});

describe('a short look at a bundle', () => {
  it('takes a whole one, a split one and an unpacked one for usable', async () => {
    const folder = await temporaryFolder();
    const split = await writeSmallBundle(join(folder, 'split'), { splitBytes: 1000 });
    await unpackBundle(whole, join(folder, 'unpacked'));
    for (const path of [whole, split, `${split}.001`, join(folder, 'unpacked')])
      expect(await judgeBundle(path, FITTING), path).toMatchObject({
        state: 'usable',
        problem: null,
        totalBytes: wholeBytes.length,
      });
  });

  it.each([
    ['another version', { lockSha256: sha256('other') }, 'other-version', /another build of ktx 0\.3\.0/],
    [
      'another platform',
      { platform: 'win32-x64' },
      'other-platform',
      /for linux-x64; this machine is win32-x64/,
    ],
    [
      'fewer features',
      { features: ['core', 'local-embeddings'] },
      'other-features',
      /without local-embeddings/,
    ],
  ] as const)('says that it is of %s', async (_what, change, state, problem) => {
    expect(await judgeBundle(whole, { ...FITTING, ...change })).toMatchObject({
      state,
      problem: expect.stringMatching(problem),
    });
  });

  it('finds every length of a copy that was cut short', async () => {
    const copy = join(await temporaryFolder(), 'cut.bundle');
    for (let length = 0; length < wholeBytes.length; length += 311) {
      await writeFile(copy, wholeBytes.subarray(0, length));
      expect(await judgeBundle(copy, FITTING), `${length} bytes`).toMatchObject({
        state: 'incomplete',
        sizeBytes: length,
      });
    }
  });

  it('takes room that is not filled yet for incomplete, and a header elsewhere for damage', async () => {
    const copy = join(await temporaryFolder(), 'x.bundle');
    await writeFile(copy, wholeBytes.subarray(0, wholeBytes.length / 2));
    await truncate(copy, wholeBytes.length);
    expect(await judgeBundle(copy, FITTING)).toMatchObject({ state: 'incomplete' });
    const other = Buffer.from(wholeBytes);
    other.copyWithin(wholeBytes.length / 2, 0);
    await writeFile(copy, other);
    expect(await judgeBundle(copy, FITTING)).toMatchObject({ state: 'damaged' });
    await appendFile(copy, 'x');
    expect(await judgeBundle(copy, FITTING)).toMatchObject({ state: 'damaged' });
  });

  it('names the part that is missing, cut or of another bundle', async () => {
    const folder = await temporaryFolder();
    const split = await writeSmallBundle(folder, { splitBytes: 1000 });
    const count = Math.ceil(wholeBytes.length / 1000);
    const part = (number: number) => `${split}.${String(number).padStart(3, '0')}`;
    const problem = async () => (await judgeBundle(part(1), FITTING))!;
    await rename(part(count), join(folder, 'away'));
    expect(await problem()).toMatchObject({
      state: 'incomplete',
      problem: expect.stringContaining(`small.ktx.${String(count).padStart(3, '0')} is missing`),
    });
    await rename(join(folder, 'away'), part(count));
    await truncate(part(2), 400);
    expect(await problem()).toMatchObject({ problem: expect.stringContaining('small.ktx.002 is cut short') });
    await writeFile(part(2), Buffer.alloc(1000, 'x'));
    expect(await problem()).toMatchObject({
      state: 'wrong-part',
      problem: expect.stringContaining('small.ktx.002 is a part of another bundle'),
    });
    await rm(part(2));
    expect(await problem()).toMatchObject({
      state: 'incomplete',
      problem: expect.stringContaining('small.ktx.002'),
    });
  });

  it('takes no other file for a bundle', async () => {
    const path = join(await temporaryFolder(), 'git.bundle');
    await writeFile(path, '# v2 git bundle\n'.repeat(100));
    expect(await judgeBundle(path, FITTING)).toBeNull();
  });
});

describe('where bundles are looked for', () => {
  const facts = {
    platform: 'linux' as const,
    cwd: '/work',
    programFolder: '/opt/ktx/app',
    mountInfo: '',
    volumes: [],
  };

  it('next to the program, in the working directory, on media that are plugged in', () => {
    const mountInfo = [
      '36 25 0:32 / / rw - ext4 /dev/root rw',
      '37 36 8:17 / /media/ana/USB\\040STICK rw,nosuid - vfat /dev/sdb1 rw',
      '38 36 8:18 / /run/media/ana/disc ro - iso9660 /dev/sr0 ro',
      '39 36 0:50 / /mnt/share rw - nfs4 server:/share rw',
      '40 36 0:51 / /media/ana/phone rw - fuse.jmtpfs jmtpfs rw',
      '41 36 0:52 / /home rw - ext4 /dev/sda2 rw',
    ].join('\n');
    expect(nearbyPlaces({ ...facts, mountInfo })).toEqual([
      '/work',
      '/opt/ktx',
      '/opt/ktx/app',
      '/media/ana/USB STICK',
      '/run/media/ana/disc',
    ]);
    expect(nearbyPlaces({ ...facts, platform: 'darwin', volumes: ['STICK'] })).toContain('/Volumes/STICK');
    expect(
      nearbyPlaces({ ...facts, platform: 'win32', cwd: 'C:\\x', programFolder: 'C:\\ktx\\app' }),
    ).toEqual(expect.arrayContaining(['C:\\x', 'C:\\ktx', 'D:\\', 'E:\\']));
  });

  it.each([
    ['ktx-0.1.0-linux-x64.bundle', true],
    ['core.ktx', true],
    ['core.ktx.001', true],
    ['core.ktx.002', false],
    ['.core.bundle.Xa3f', false],
    ['.hidden.bundle', false],
    ['core.bundle.partial', false],
  ])('%s: %s', (name, isOne) => expect(isBundleName(name)).toBe(isOne));

  it('usable ones come first; links, pipes and unreadable folders are passed over', async () => {
    const folder = await temporaryFolder();
    const [near, far] = [join(folder, 'near'), join(folder, 'far')];
    await mkdir(near);
    await mkdir(far);
    await writeFile(join(near, 'cut.bundle'), wholeBytes.subarray(0, 3000));
    await symlink(whole, join(near, 'link.bundle'));
    await copyFile(whole, join(far, 'whole.bundle'));
    await unpackBundle(whole, join(folder, 'unpacked'));
    const places = [near, far, join(folder, 'unpacked'), join(folder, 'nowhere')];
    const found = await findBundlesNearby(FITTING, { places });
    expect(found.map(({ path, state }) => [path.slice(folder.length + 1), state])).toEqual([
      ['far/whole.bundle', 'usable'],
      ['unpacked', 'usable'],
      ['near/cut.bundle', 'incomplete'],
    ]);
  });

  it('nothing is found for who has left', async () => {
    const folder = await temporaryFolder();
    await copyFile(whole, join(folder, 'whole.bundle'));
    const stop = new AbortController();
    const found = findBundlesNearby(FITTING, { places: [folder], signal: stop.signal });
    stop.abort();
    expect(await found).toEqual([]);
    expect(await findBundlesNearby(FITTING, { places: [folder], signal: AbortSignal.abort() })).toEqual([]);
  });
});

describe('sizes of parts', () => {
  it.each([
    ['whole', [100], 100, null],
    ['whole in parts', [40, 40, 20], 100, null],
    ['one file cut', [60], 100, { part: 1, problem: 'too-short' }],
    ['one file with more', [101], 100, { part: 1, problem: 'too-long' }],
    ['last part missing', [40, 40], 100, { part: 3, problem: 'missing' }],
    ['last part cut', [40, 40, 10], 100, { part: 3, problem: 'too-short' }],
    ['first part cut', [30, 40, 20], 100, { part: 1, problem: 'too-short' }],
    ['middle part cut', [40, 39, 20], 100, { part: 2, problem: 'too-short' }],
  ] as const)('%s', (_what, sizes, total, problem) => expect(sizeProblem(sizes, total)).toEqual(problem));
});

describe('waiting for a bundle', () => {
  const bundle = (change: Partial<NearbyBundle>): NearbyBundle => ({
    path: '/usb/x.bundle',
    state: 'incomplete',
    problem: 'half',
    sizeBytes: 50,
    totalBytes: 100,
    cliVersion: '0.3.0',
    ...change,
  });

  it('says once that it grows, that it stopped short, and that it is there', () => {
    let memory: WatchMemory = new Map();
    const look = (nowMs: number, ...seen: NearbyBundle[]): BundleNews['type'][] => {
      const round = newsOf(memory, seen, nowMs);
      memory = round.memory;
      return round.news.map(({ type }) => type);
    };
    expect(look(0)).toEqual([]);
    expect(look(1000, bundle({}))).toEqual(['arriving']);
    expect(look(2000, bundle({}))).toEqual([]);
    expect(look(3000, bundle({ sizeBytes: 60 }))).toEqual(['arriving']);
    expect(look(8500, bundle({ sizeBytes: 60 }))).toEqual(['stopped-short']);
    expect(look(9000, bundle({ sizeBytes: 60 }))).toEqual([]);
    expect(look(9500, bundle({ sizeBytes: 70 }))).toEqual(['arriving']);
    expect(look(9600, bundle({ state: 'wrong-part' }))).toEqual(['unusable']);
    expect(look(9700, bundle({ state: 'usable', problem: null, sizeBytes: 100 }))).toEqual(['usable']);
  });

  it('notices a file that is carried here while it waits', async () => {
    const folder = await temporaryFolder();
    const news: string[] = [];
    const path = join(folder, 'carried.bundle');
    const waiting = watchForBundle({
      look: () => findBundlesNearby(FITTING, { places: [folder] }),
      onNews({ type }) {
        news.push(type);
        if (type === 'arriving') void copyFile(whole, path);
      },
      lookEveryMs: 5,
    });
    await writeFile(path, wholeBytes.subarray(0, 3000));
    expect(await waiting).toMatchObject({ path, state: 'usable' });
    expect(news[0]).toBe('arriving');
    expect(news.at(-1)).toBe('usable');
  });

  it('ends when it is cancelled', async () => {
    const stop = new AbortController();
    const waiting = watchForBundle({ look: async () => [], onNews: () => {}, signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'CancelledError' });
  });
});
