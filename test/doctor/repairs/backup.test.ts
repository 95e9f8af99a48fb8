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

it('puts back what was moved aside, in place of what came there since', async () => {
  const { root, folder } = await place();
  const backup = startBackup(root);
  await backup.moveAside(folder);
  await mkdir(folder);
  await writeFile(join(folder, 'new'), '');
  await backup.save();
  await restoreBackup(root);
  expect(await readFile(join(folder, 'text'), 'utf8')).toBe('before');
  expect(await pathExists(join(folder, 'new'))).toBe(false);
});

it('takes away folders that a repair made for a file, as far as they are empty', async () => {
  const { root } = await place();
  const made = join(root, 'a', 'b', 'c', 'file');
  const backup = startBackup(root);
  await backup.keep(made);
  await mkdir(dirname(made), { recursive: true });
  await writeFile(made, '');
  await writeFile(join(root, 'a', 'download'), '');
  await backup.save();
  await restoreBackup(root);
  expect(await pathExists(join(root, 'a', 'b'))).toBe(false);
  expect(await pathExists(join(root, 'a', 'download'))).toBe(true);
});

it('undoes the newest run, and passes over a record that cannot be read', async () => {
  const { root } = await place();
  const at = (id: string) => join(root, 'uv', 'backups', id);
  const write = async (id: string, text: string) => {
    await mkdir(at(id), { recursive: true });
    await writeFile(join(at(id), 'backup.json'), text);
  };
  const record = (when: string, repair: string) =>
    JSON.stringify({ schemaVersion: 1, at: when, repairs: [repair], changes: [] });
  await write('00000001', record('2026-01-03T00:00:00.000Z', 'newest'));
  await write('00000002', record('2026-01-01T00:00:00.000Z', 'oldest'));
  await write('00000003', '{');
  await write('not-ours', record('2026-01-09T00:00:00.000Z', 'foreign'));
  await mkdir(at('00000004'));
  expect(await findBackup(root)).toEqual({
    dir: at('00000001'),
    at: '2026-01-03T00:00:00.000Z',
    repairs: ['newest'],
  });
  expect(await restoreBackup(root)).toEqual({ repairs: ['newest'] });
  expect(await findBackup(root)).toMatchObject({ repairs: ['oldest'] });
  await removeOtherBackups(root, at('00000002'));
  expect(await pathExists(at('00000003'))).toBe(false);
  expect(await pathExists(at('not-ours'))).toBe(true);
});

it('gives back mode and owner, also of what has gone since', async () => {
  const { root, folder } = await place();
  const text = join(folder, 'text');
  await chmod(text, 0o640);
  const backup = startBackup(root);
  await backup.noteMode(text);
  await backup.noteMode(join(folder, 'link'));
  await chmod(text, 0o600);
  await backup.save();
  await backup.restore();
  expect((await lstat(text)).mode & 0o777).toBe(0o640);
  const gone = startBackup(root);
  await gone.noteMode(text);
  await rename(text, join(root, 'elsewhere'));
  await gone.save();
  await gone.restore();
  expect(await pathExists(text)).toBe(false);
});
