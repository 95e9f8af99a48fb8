import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  assertDiskSpace,
  assertWritableFolder,
  explainFullDisk,
  freeBytesAt,
  mountOf,
  type VolumeBudget,
  volumeBudgets,
} from '../../../src/setup/plan/disk.ts';
import type { SetupError } from '../../../src/support/errors.ts';
import { UvCommandError } from '../../../src/uv/runner.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

it('free space of a folder that is not there yet is that of its volume', async () => {
  const folder = await temporaryFolder();
  expect(await freeBytesAt(join(folder, 'not', 'yet'))).toBeGreaterThan(0);
  // A file system that counts no blocks has not said that it is full.
  if (process.platform === 'linux') expect(await freeBytesAt('/proc')).toBeNull();
});

const MB = 1_000_000;
const volume = (freeBytes: number | null, ...sizes: (number | null)[]): VolumeBudget => ({
  path: '/r',
  freeBytes,
  needs: sizes.map((bytes, index) => ({ what: `part ${index}`, path: '/r', bytes })),
});

it('refuses with the numbers of the volume, before anything is fetched', () => {
  expect(() => assertDiskSpace([volume(120 * MB, 60 * MB, 40 * MB)])).toThrow(
    'Not enough space: 150 MB needed, 120 MB free on the volume of /r.',
  );
  expect(() => assertDiskSpace([volume(150 * MB, 60 * MB, 40 * MB)])).not.toThrow();
  expect(() => assertDiskSpace([volume(500 * MB, 1), volume(1, 1)])).toThrow(/1 B free/);
});

it('names what needs room there, and not what needs none', () => {
  const error = (() => {
    try {
      assertDiskSpace([volume(0, 60 * MB, 0)]);
    } catch (thrown) {
      return thrown as SetupError;
    }
    return expect.unreachable();
  })();
  expect(error.evidence).toContain('needed there: 60 MB for part 0, 50 MB of headroom');
});

it('says all of a volume that is too small, and how to go on', () => {
  const error = (() => {
    try {
      assertDiskSpace([
        volume(500 * MB, 1),
        volume(10 * MB, 60 * MB, null, 0),
        volume(null, 1),
        volume(1, 1),
      ]);
    } catch (thrown) {
      return thrown as SetupError;
    }
    return expect.unreachable();
  })();
  expect(error).toMatchObject({
    message: 'Not enough space: 110 MB needed, 10 MB free on the volume of /r.',
    failureClass: 'disk',
    causeId: 'disk-full',
    evidence: [
      'volume of /r: 10 MB free',
      expect.stringMatching(/^needed there: 60 MB for part 0, .* for part 1, 50 MB of headroom$/),
      'volume of /r: 1 B free',
      'needed there: 1 B for part 0, 50 MB of headroom',
    ],
    remedies: [{ id: 'free-space' }, { id: 'other-root' }, { argv: ['ktx', 'setup', '--ignore-disk'] }],
  });
  expect(() => assertDiskSpace([volume(50 * MB, 1)])).toThrow();
  expect(() => assertDiskSpace([volume(50 * MB + 1, 1)])).not.toThrow();
  expect(() => assertDiskSpace([volume(0, 0)])).not.toThrow();
});

it('unknown is not zero, and does not hide what is known', () => {
  expect(() => assertDiskSpace([volume(0, null)])).not.toThrow();
  expect(() => assertDiskSpace([volume(null, 1)])).not.toThrow();
  expect(() => assertDiskSpace([volume(120 * MB, 100 * MB, null)])).toThrow(/Not enough space/);
});

it('what lies on one volume is counted together, whatever its path', async () => {
  const folder = await temporaryFolder();
  const needs = [
    { what: 'a', path: join(folder, 'not', 'yet'), bytes: 1 },
    { what: 'b', path: folder, bytes: 2 },
    { what: 'c', path: '/proc/self', bytes: 3 },
  ];
  const budgets = await volumeBudgets(needs);
  expect(budgets.map((budget) => budget.needs.map(({ what }) => what))).toEqual([['a', 'b'], ['c']]);
});

describe('the mount of a path', () => {
  const mountinfo = [
    '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw',
    '30 22 0:26 / /home rw,nosuid - ext4 /dev/sdb rw',
    '31 30 0:27 / /home/with\\040space rw,noexec - tmpfs tmpfs rw',
  ].join('\n');
  it.each([
    ['/etc', '/'],
    ['/homework', '/'],
    ['/home/me', '/home'],
    ['/home/with space/x', '/home/with space'],
  ])('%s is on %s', (path, mountPoint) => {
    expect(mountOf(mountinfo, path)?.mountPoint).toBe(mountPoint);
  });
  it.each([
    [
      '22 1 8:1 / / rw - ext4 a\n23 1 8:2 / /a ro - ext4 b\n24 1 8:3 / /a rw,noexec - ext4 c',
      '/a/x',
      ['rw', 'noexec'],
    ],
    ['24 1 8:3 / /a noexec - ext4 c\n22 1 8:1 / / rw - ext4 a', '/a', ['noexec']],
    ['24 1 8:3 / /a noexec - ext4 c\n22 1 8:1 / / rw - ext4 a', '/', ['rw']],
    ['half a line\n22 1 8:1 / / rw - ext4 a', '/a', ['rw']],
    ['30 22 0:26 / /tab\\011tab ro - x y', '/tab\ttab', ['ro']],
    ['30 22 0:26 / /a\\134040b ro - x y', '/a\\040b', ['ro']],
  ])('in %j is that of %j', (text, path, options) => {
    expect(mountOf(text, path)?.options).toEqual(options);
  });
  it('has its options, and where there is no list there is no mount', () => {
    expect(mountOf(mountinfo, '/home/with space/x')?.options).toEqual(['rw', 'noexec']);
    expect(mountOf('', '/etc')).toBeNull();
  });
});

describe('a full disk is told with its volume and its bytes', () => {
  const needs = [{ what: 'the environment', path: tmpdir(), bytes: 66 * MB }];
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  it.each([
    ['by errno', full],
    ['by the errno of a cause', new Error('could not write', { cause: full })],
    ['by what uv printed', new UvCommandError(['venv'], '', 'error: écriture (os error 28)', '/log')],
  ])('%s', async (_name, error) => {
    const explained = (await explainFullDisk(error, needs)) as SetupError;
    expect(explained).toMatchObject({ failureClass: 'disk' });
    expect(explained.message).toContain(tmpdir());
    expect(explained.evidence.join('\n')).toMatch(/free\n.*66 MB for the environment/);
  });
  it.runIf(process.platform === 'linux')(
    'names the volume that is fullest; one that says nothing is not',
    async () => {
      const silent = { what: 'nothing', path: '/proc', bytes: 1 };
      for (const both of [
        [silent, ...needs],
        [...needs, silent],
      ])
        expect(((await explainFullDisk(full, both)) as SetupError).message).toContain(
          `the volume of ${tmpdir()}`,
        );
    },
  );
  it('another error stays what it is', async () => {
    const other = new Error('something else');
    expect(await explainFullDisk(other, needs)).toBe(other);
  });
});

it('a file in the way is named, whatever would come below it', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'file');
  await writeFile(file, '');
  await expect(assertWritableFolder(join(file, 'a', 'b'))).rejects.toThrow(
    `A file is where a folder should be: ${file}`,
  );
  await expect(assertWritableFolder(join(folder, 'a', 'b'))).resolves.toBeUndefined();
});
