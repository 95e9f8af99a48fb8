import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFileAtomic, writeFileWithin } from '../../../src/support/fs/atomic-file.ts';
import {
  createFile,
  type FileGuard,
  openNewFile,
  openRegularFile,
  readRegularText,
} from '../../../src/support/fs/regular-file.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const isPosix = process.platform !== 'win32';
const SMALL: FileGuard = { maxBytes: 100 };

async function pathInFolder() {
  return join(await temporaryFolder(), 'file');
}

describe.runIf(isPosix)('refuses and names anything that is not a file', () => {
  it.each<[string, RegExp, (path: string) => unknown]>([
    ['a named pipe', /file is a named pipe, not a file/, (path) => execFileSync('mkfifo', [path])],
    ['a folder', /file is a folder, not a file/, (path) => mkdir(path)],
    ['a link to a file', /file is a symbolic link, not a file/, (path) => symlink('/etc/passwd', path)],
    ['a link to a device', /file is a symbolic link, not a file/, (path) => symlink('/dev/zero', path)],
  ])('%s', async (_, message, put) => {
    const path = await pathInFolder();
    await put(path);
    for (const access of ['read', 'update', 'append'] as const)
      await expect(openRegularFile(path, SMALL, access)).rejects.toThrow(message);
  });

  it('also through a link, where links are followed: a pipe, a device', async () => {
    const follow: FileGuard = { ...SMALL, links: 'follow' };
    await expect(readRegularText('/dev/zero', follow)).rejects.toThrow('/dev/zero is a device');
    const path = await pathInFolder();
    execFileSync('mkfifo', [`${path}.pipe`]);
    await symlink(`${path}.pipe`, path);
    await expect(readRegularText(path, follow)).rejects.toThrow('is a named pipe');
    expect(await readRegularText('/dev/null', follow)).toBe('');
  });
});

it('a file that is too long is refused, and one that is not there stays ENOENT', async () => {
  const path = await pathInFolder();
  await expect(readRegularText(path, SMALL)).rejects.toMatchObject({ code: 'ENOENT' });
  await writeFile(path, 'x'.repeat(100));
  expect((await readRegularText(path, SMALL)).length).toBe(100);
  await truncate(path, 10 * 1024 ** 3);
  await expect(readRegularText(path, SMALL)).rejects.toThrow('longer than the 100 bytes');
});

it('a new file takes the place of a link or a pipe and leaves what they lead to alone', async () => {
  const path = await pathInFolder();
  await writeFile(`${path}.precious`, 'precious');
  await symlink(`${path}.precious`, path);
  const handle = await openNewFile(path);
  await handle.writeFile('new');
  await handle.close();
  expect(await readFile(`${path}.precious`, 'utf8')).toBe('precious');
  expect((await lstat(path)).isFile()).toBe(true);
  await symlink(`${path}.precious`, `${path}.link`);
  await writeFileAtomic(`${path}.link`, 'new');
  expect(await readFile(`${path}.precious`, 'utf8')).toBe('precious');
});

it('nothing of a project is read or written through a link, in whichever part of the path', async () => {
  const folder = await temporaryFolder();
  const elsewhere = join(folder, 'elsewhere');
  await mkdir(join(elsewhere, 'runtime'), { recursive: true });
  await writeFile(join(elsewhere, 'runtime', 'daemon.json'), 'precious');
  for (const [name, target, path] of [
    ['.ktx', elsewhere, '.ktx/runtime/daemon.json'],
    ['.ktx/runtime', join(elsewhere, 'runtime'), '.ktx/runtime/daemon.json'],
  ] as const) {
    const project = await temporaryFolder();
    await mkdir(join(project, name, '..'), { recursive: true });
    await symlink(target, join(project, name));
    const guard: FileGuard = { ...SMALL, within: project };
    await expect(readRegularText(join(project, path), guard)).rejects.toThrow('symbolic link');
    await expect(openRegularFile(join(project, path), guard, 'append')).rejects.toThrow('symbolic link');
    await expect(writeFileWithin(project, join(project, path), 'new')).rejects.toThrow('symbolic link');
  }
  expect(await readFile(join(elsewhere, 'runtime', 'daemon.json'), 'utf8')).toBe('precious');
});

describe('a file that is too long', () => {
  it('is refused before it is read', async () => {
    const path = await pathInFolder();
    await writeFile(path, 'x'.repeat(101));
    await expect(openRegularFile(path, SMALL)).rejects.toThrow('is longer than the 100 bytes');
  });

  it.runIf(process.platform === 'linux')('also when it says that it is empty, and is not', async () => {
    await expect(readRegularText('/proc/self/smaps', { maxBytes: 100 })).rejects.toThrow(
      'is longer than the 100 bytes',
    );
  });
});

it('a new file is made only where nothing is, not even a link to nowhere', async () => {
  const path = await pathInFolder();
  await writeFile(path, 'kept');
  await expect(createFile(path)).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await readFile(path, 'utf8')).toBe('kept');
  if (!isPosix) return;
  await symlink(`${path}.none`, `${path}.link`);
  await expect(createFile(`${path}.link`)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(lstat(`${path}.none`)).rejects.toMatchObject({ code: 'ENOENT' });
});
