import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import {
  findBackup,
  removeOtherBackups,
  restoreBackup,
  startBackup,
} from '../../../src/doctor/repairs/backup.ts';
import { pathExists } from '../../../src/support/fs/path-exists.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

async function place() {
  const root = await temporaryFolder();
  const folder = join(root, 'folder');
  await mkdir(folder);
  await writeFile(join(folder, 'text'), 'before');
  await symlink('nowhere', join(folder, 'link'));
  if (process.platform !== 'win32') execFileSync('mkfifo', [join(folder, 'pipe')]);
  return { root, folder };
}

it('puts back a tree with its links and pipes, and takes away what was new', async () => {
  const { root, folder } = await place();
  const added = join(root, 'added');
  const backup = startBackup(root);
  await backup.keep(folder);
  await backup.keep(added);
  await rename(folder, join(root, 'elsewhere'));
  await writeFile(added, '');
  await backup.save();
  expect(await findBackup(root)).toMatchObject({ dir: backup.dir });
  await restoreBackup(root);
  expect(await readFile(join(folder, 'text'), 'utf8')).toBe('before');
  expect(await readlink(join(folder, 'link'))).toBe('nowhere');
  if (process.platform !== 'win32') expect((await lstat(join(folder, 'pipe'))).isFIFO()).toBe(true);
  expect(await pathExists(added)).toBe(false);
  expect(await findBackup(root)).toBeNull();
  await expect(restoreBackup(root)).rejects.toThrow('There is no repair to undo.');
});

it('takes away the folders that were made for what is new, and leaves what else is in them', async () => {
  const { root } = await place();
  const backup = startBackup(root);
  for (const path of ['new/deep/text', 'used/text']) {
    await backup.keep(join(root, path));
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), '');
  }
  await writeFile(join(root, 'used', 'download'), '');
  await backup.restore();
  expect(await pathExists(join(root, 'new'))).toBe(false);
  expect(await pathExists(join(root, 'used', 'download'))).toBe(true);
});

it('undoes changes in the reverse order', async () => {
  const { root, folder } = await place();
  const backup = startBackup(root);
  await backup.noteMode(folder);
  await chmod(folder, 0o700);
  await backup.moveAside(folder);
  await writeFile(folder, 'in its place');
  await backup.restore();
  expect((await lstat(folder)).mode & 0o777).not.toBe(0o700);
  expect(await readFile(join(folder, 'text'), 'utf8')).toBe('before');
});

it('keeps the last backup only', async () => {
  const { root, folder } = await place();
  const first = startBackup(root);
  await first.keep(folder);
  const second = startBackup(root);
  await second.keep(folder);
  await removeOtherBackups(root, second.dir);
  expect([await pathExists(first.dir), await pathExists(second.dir)]).toEqual([false, true]);
});

it('ignores a record that is not whole', async () => {
  const { root, folder } = await place();
  const backup = startBackup(root);
  await backup.keep(folder);
  await writeFile(join(backup.dir, 'backup.json'), '{"schemaVersion":1');
  expect(await findBackup(root)).toBeNull();
});
