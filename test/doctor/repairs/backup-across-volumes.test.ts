import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import { restoreBackup, startBackup } from '../../../src/doctor/repairs/backup.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** What the system says of one path: mounting needs privileges. */
const refused = vi.hoisted(() => ({ rename: null as string | null, rm: null as string | null, path: '' }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const refuse = (code: string | null, path: string) => {
    if (code !== null && path === refused.path) throw Object.assign(new Error(`${code}: no`), { code });
  };
  const rename = async (from: string, to: string) => {
    refuse(refused.rename, to);
    return real.rename(from, to);
  };
  const rm = async (path: string, options: object) => {
    refuse(refused.rm, path);
    return real.rm(path, options);
  };
  return { ...real, rename, rm };
});

let root: string;
let folder: string;
beforeEach(async () => {
  Object.assign(refused, { rename: null, rm: null });
  root = await temporaryFolder();
  folder = join(root, 'kept');
  await mkdir(join(folder, 'below'), { recursive: true });
  await writeFile(join(folder, 'text'), 'before');
  await writeFile(join(folder, 'below', 'text'), 'before');
  refused.path = folder;
});

async function change(): Promise<void> {
  const backup = startBackup(root);
  await backup.keep(folder);
  await writeFile(join(folder, 'new'), '');
  await writeFile(join(folder, 'text.tmp'), 'after');
  await backup.save();
}

async function expectAsBefore(): Promise<void> {
  expect((await readdir(folder)).sort()).toEqual(['below', 'text']);
  expect(await readFile(join(folder, 'below', 'text'), 'utf8')).toBe('before');
}

it('puts back on another volume by copying', async () => {
  await change();
  refused.rename = 'EXDEV';
  await restoreBackup(root);
  await expectAsBefore();
});

it('puts back below a mount point, which cannot be removed', async () => {
  await change();
  refused.rm = 'EBUSY';
  await restoreBackup(root);
  await expectAsBefore();
});

it.each(['rename', 'rm'] as const)(
  'any other refusal of %s is passed on, and the backup stays',
  async (call) => {
    await change();
    refused[call] = 'EACCES';
    await expect(restoreBackup(root)).rejects.toThrow('EACCES: no');
    refused[call] = null;
    await restoreBackup(root);
    await expectAsBefore();
  },
);

it('keeps a path once: what it is after the first change is not backed up', async () => {
  const backup = startBackup(root);
  await backup.keep(folder);
  await writeFile(join(folder, 'new'), '');
  await backup.keep(folder);
  await backup.restore();
  await expectAsBefore();
});

it('a run that changed nothing leaves no record', async () => {
  const backup = startBackup(root);
  backup.addRepair('replace-uv');
  await backup.save();
  expect(await readdir(root)).toEqual(['kept']);
  await expect(restoreBackup(root)).rejects.toMatchObject({
    message: 'There is no repair to undo.',
    failureClass: 'conflict',
    evidence: [`looked in ${join(root, 'uv', 'backups')}`],
    remedies: [{ argv: ['ktx', 'admin', 'runtime', 'undo'] }],
  });
});
