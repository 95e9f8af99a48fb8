import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { tryFileLock } from '../../../src/support/fs/file-lock.ts';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import { openFilesBelow } from '../../fixtures/open-files.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { whileFlickers } from '../../fixtures/while-flickers.ts';

const HOLDER = join(PACKAGE_ROOT, 'test', 'fixtures', 'lock-holder.ts');

/** A real process that holds the lock, or tried to take it. */
async function holder(path: string) {
  const child = spawn(process.execPath, [HOLDER, path], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [answer] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { child, answer: String(answer).trim() };
}

it('keeps another process out until it is released', async () => {
  const path = join(await temporaryFolder(), 'é l%20.lock');
  const lock = tryFileLock(path);
  expect(lock).toMatchObject({ isExclusive: true });
  expect((await holder(path)).answer).toBe('held by another');
  lock!.release();
  expect((await holder(path)).answer).toBe('locked');
});

it('keeps this process out too', async () => {
  const path = join(await temporaryFolder(), 'a.lock');
  const lock = tryFileLock(path)!;
  expect(tryFileLock(path)).toBeNull();
  // A failed attempt closes its own descriptor of the file, which must not release the lock.
  expect((await holder(path)).answer).toBe('held by another');
  lock.release();
});

it('is free after kill -9 of its holder, and not stolen from a stopped one', async () => {
  const path = join(await temporaryFolder(), 'a.lock');
  const { child, answer } = await holder(path);
  expect(answer).toBe('locked');
  child.kill('SIGSTOP');
  expect(tryFileLock(path)).toBeNull();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = tryFileLock(path);
  expect(lock).not.toBeNull();
  lock!.release();
});

it('a file that is deleted and made again while it is being locked is not taken for the lock', async () => {
  const path = join(await temporaryFolder(), 'a.lock');
  // What an uninstall does at its end, at the worst moment: after the file was opened.
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementationOnce(function (
    this: DatabaseSync,
    sql,
  ) {
    rmSync(path);
    writeFileSync(path, '');
    exec.mockRestore();
    this.exec(sql);
  });
  expect(tryFileLock(path)).toBeNull();
  expect(tryFileLock(path)).not.toBeNull();
});

it('when its folder is gone, the lock counts as held until now', async () => {
  expect(tryFileLock(join(await temporaryFolder(), 'gone', 'a.lock'))).toBeNull();
});

it('its folder is deleted and made again all the while: locked or not, it is no failure', async () => {
  const folder = join(await temporaryFolder(), 'locks');
  const seen = await whileFlickers(folder, 'anew', async () => {
    // Ten at a time: most attempts finish before the folder disappears once.
    const tries = Array.from({ length: 10 }, () => tryFileLock(join(folder, 'a.lock')));
    for (const lock of tries) lock?.release();
    return tries[0] !== null;
  });
  expect(seen.sort()).toEqual([false, true]);
});

it('says when the file system grants the same lock twice', async () => {
  const path = join(await temporaryFolder(), 'a.lock');
  expect(tryFileLock(path, { vfs: 'unix-none' })).toMatchObject({ isExclusive: false });
});

it('a file system without locks is not an error', async () => {
  const path = join(await temporaryFolder(), 'a.lock');
  const SQLITE_IOERR_LOCK = 3850;
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(() => {
    throw Object.assign(new Error('disk I/O error'), { errcode: SQLITE_IOERR_LOCK });
  });
  onTestFinished(() => exec.mockRestore());
  expect(tryFileLock(path)).toMatchObject({ isExclusive: false });
});

it('what was taken is let go when it cannot be tried twice', async () => {
  const path = join(await temporaryFolder(), 'a.lock');
  const { exec: real } = DatabaseSync.prototype;
  let count = 0;
  const exec = vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (
    this: DatabaseSync,
    sql,
  ) {
    // The first statement of the second connection.
    if (++count === 3) throw Object.assign(new Error('no'), { errcode: 1 });
    real.call(this, sql);
  });
  expect(() => tryFileLock(path)).toThrow(/cannot be used/);
  exec.mockRestore();
  expect(tryFileLock(path)).not.toBeNull();
});

it('nothing appears beside it, and nothing is in it', async () => {
  const folder = await temporaryFolder();
  const lock = tryFileLock(join(folder, 'a.lock'))!;
  expect(await readdir(folder)).toEqual(['a.lock']);
  lock.release();
  expect(await readdir(folder)).toEqual(['a.lock']);
});

it.runIf(process.getuid?.() === 0)('an unwritable lock file is an error and not a lock', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.lock');
  await mkdir(join(folder, 'program'), { recursive: true });
  await writeFile(path, '', { mode: 0o644 });
  await chmod(folder, 0o755);
  // Another user can read the file: SQLite would open it read-only and lock nothing.
  const args = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, HOLDER, path];
  expect(() => execFileSync('setpriv', args, { stdio: 'pipe', timeout: 10_000 })).toThrow(
    /The lock file cannot be used/,
  );
});

it('refuses a file that is not a lock file, and names it', async () => {
  const path = join(await temporaryFolder(), 'a.lock');
  await writeFile(path, 'something that somebody else wrote here, long enough to be no header'.repeat(20));
  expect(() => tryFileLock(path)).toThrow(`The lock file cannot be used: ${path}`);
});

it('prints no warning of Node', async () => {
  const script = `import(${JSON.stringify(join(PACKAGE_ROOT, 'src/support/fs/file-lock.ts'))}).then((m) => m.tryFileLock(process.argv[1]).release())`;
  const path = join(await temporaryFolder(), 'a.lock');
  const printed = execFileSync(process.execPath, ['-e', script, path], { stdio: 'pipe', encoding: 'utf8' });
  expect(printed).toBe('');
});

it.runIf(process.platform !== 'win32').each<[string, (path: string) => unknown]>([
  ['a folder', (path) => mkdir(path)],
  ['a link to nowhere', (path) => symlink(`${path}.target`, path)],
  ['a link to a file', (path) => writeFile(`${path}.target`, '').then(() => symlink(`${path}.target`, path))],
  ['a named pipe', (path) => execFileSync('mkfifo', [path])],
])('is refused where %s is in its place, and nothing is made of it', async (_, make) => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.lock');
  await make(path);
  const before = await readdir(folder);
  expect(() => tryFileLock(path)).toThrow(
    expect.objectContaining({
      message: `The lock file cannot be used: ${path}`,
      evidence: ['it is not a regular file'],
    }),
  );
  expect(await readdir(folder)).toEqual(before);
});

it.runIf(process.platform === 'linux')('an attempt leaves no file open, whatever comes of it', async () => {
  const folder = await temporaryFolder();
  const [free, taken, broken] = ['free', 'taken', 'broken'].map((name) => join(folder, `${name}.lock`));
  await mkdir(broken!);
  const openFiles = () => openFilesBelow(folder).length;
  const lock = tryFileLock(taken!)!;
  const before = openFiles();
  for (let count = 0; count < 20; count++) {
    tryFileLock(free!)!.release();
    expect(tryFileLock(taken!)).toBeNull();
    expect(() => tryFileLock(broken!)).toThrow();
  }
  expect(openFiles()).toBe(before);
  lock.release();
});
