import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assertDiskSpace, assertWritableFolder, freeBytesAt } from '../../src/install/disk.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

it('free space of a folder that is not there yet is that of its volume', async () => {
  const folder = await temporaryFolder();
  expect(await freeBytesAt(join(folder, 'not', 'yet'))).toBeGreaterThan(0);
});

it('refuses with both numbers, and only when both are known', () => {
  expect(() => assertDiskSpace('/r', 100_000_000, 120_000_000)).toThrow(
    'Not enough space: 150 MB needed, 120 MB free.',
  );
  expect(() => assertDiskSpace('/r', 100_000_000, 150_000_000)).not.toThrow();
  expect(() => assertDiskSpace('/r', null, 0)).not.toThrow();
  expect(() => assertDiskSpace('/r', 1, null)).not.toThrow();
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
