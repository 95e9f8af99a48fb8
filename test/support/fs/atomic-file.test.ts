import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { syncDirectory, writeFileAtomic } from '../../../src/support/fs/atomic-file.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

it('a file is written whole, with its mode, into a folder that is made for it', async () => {
  const path = join(await temporaryFolder(), 'new', 'file.json');
  await writeFileAtomic(path, 'old');
  await writeFileAtomic(path, 'new', 0o600);
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(path, '..'))).toEqual(['file.json']);
});

it('what cannot be replaced is said, and leaves no temporary file', async () => {
  const root = await temporaryFolder();
  await writeFileAtomic(join(root, 'folder', 'precious'), '');
  await expect(writeFileAtomic(join(root, 'folder'), 'x')).rejects.toThrow('folder is a folder, not a file');
  expect(await readdir(root)).toEqual(['folder']);
});

it('a folder that cannot be synced is no failure: the rename has happened, and nobody may undo what it names', async () => {
  await expect(syncDirectory(join(await temporaryFolder(), 'gone'))).resolves.toBeUndefined();
});
