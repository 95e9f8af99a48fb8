import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  jsonText,
  makeFolder,
  syncDirectory,
  writeFileAtomic,
  writeFileWithin,
} from '../../../src/support/fs/atomic-file.ts';
import { fileIdentity, identityOf } from '../../../src/support/fs/file-identity.ts';
import { kindOf } from '../../../src/support/fs/file-kind.ts';
import { assertGivenFile, howFar, nothingAt, outputPathOf } from '../../../src/support/fs/given-path.ts';
import { isExecutable, pathExists } from '../../../src/support/fs/path-exists.ts';
import { makeProjectFolder } from '../../../src/support/fs/project-folder.ts';
import { publishNewFile } from '../../../src/support/fs/publish-file.ts';
import {
  assertNoLinkWithin,
  clearPlace,
  openNewFile,
  openRegularFile,
  readRegularFile,
  readRegularText,
  UnusableFileError,
} from '../../../src/support/fs/regular-file.ts';
import { originalPath, removeAside } from '../../../src/support/fs/remove-aside.ts';
import { homeFolder, homeProblem, isLossy } from '../../../src/support/home/home-folder.ts';
import { batchOfBytes, batchOfLines } from '../../../src/support/line-batch.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

afterEach(() => vi.unstubAllEnvs());

/** A folder with a file, a folder, and links to both and to nothing. */
async function places() {
  const root = await temporaryFolder();
  await writeFile(join(root, 'file'), 'content');
  await mkdir(join(root, 'folder'));
  await symlink('file', join(root, 'link'));
  await symlink('folder', join(root, 'folder-link'));
  await symlink('nowhere', join(root, 'dangling'));
  return (name: string) => join(root, name);
}
const refusal = async (attempt: Promise<unknown>) =>
  attempt.then(
    () => null,
    (error: Error & { code?: string }) =>
      error instanceof UnusableFileError ? error.message : (error.code ?? error.message),
  );

describe('what is at a path', () => {
  it('is of one of four kinds', async () => {
    const at = await places();
    for (const [name, kind] of [
      ['file', 'file'],
      ['folder', 'folder'],
      ['link', 'link'],
      ['dangling', 'link'],
    ] as const)
      expect(kindOf(await lstat(at(name)))).toBe(kind);
    if (process.platform !== 'win32') expect(kindOf(await lstat('/dev/null'))).toBe('other');
  });

  it('exists, and can be executed', async () => {
    const at = await places();
    expect(await pathExists(at('file'))).toBe(true);
    expect(await pathExists(at('dangling'))).toBe(false);
    expect(await pathExists(at('gone'))).toBe(false);
    expect(await isExecutable(at('gone'))).toBe(false);
    expect(await isExecutable(at('file'))).toBe(process.platform === 'win32');
    await chmod(at('file'), 0o755);
    expect(await isExecutable(at('file'))).toBe(true);
  });

  it('has an identity that changes with it', async () => {
    const at = await places();
    const before = await fileIdentity(at('file'));
    expect(before).toBe(identityOf(await stat(at('file'), { bigint: true })));
    expect(await fileIdentity(at('file'))).toBe(before);
    const { size, mtimeNs, ctimeNs, ino } = await stat(at('file'), { bigint: true });
    expect(before).toBe(`${size} ${mtimeNs} ${ctimeNs} ${ino}`);
    await utimes(at('file'), new Date(0), new Date(0));
    expect(await fileIdentity(at('file'))).not.toBe(before);
    expect(await fileIdentity(at('gone'))).toBeNull();
  });
});

describe('a path that a person gave', () => {
  const given = { what: 'bundle', flag: '--bundle <file>' };

  it('leads to nothing: how far is told', async () => {
    const at = await places();
    expect(await howFar(at('gone'))).toBe(`${at('.')} is there; it holds no gone`.replace('/.', ''));
    expect(await howFar(at('folder/a/b'))).toBe(`${at('folder')} is there; it holds no a`);
    const error = await nothingAt(at('folder/a'), given);
    expect(error).toMatchObject({
      message: `There is no bundle at ${at('folder/a')}.`,
      failureClass: 'conflict',
      evidence: [`${at('folder')} is there; it holds no a`],
      remedies: [{ id: 'other', label: 'Give the path of a bundle: --bundle <file>' }],
    });
  });

  it('must be a file to be read, and no folder to be written', async () => {
    const at = await places();
    await assertGivenFile(at('file'), given);
    await assertGivenFile(at('link'), given);
    for (const name of ['gone', 'dangling', 'file/below'])
      await expect(assertGivenFile(at(name), given)).rejects.toThrow(`There is no bundle at ${at(name)}.`);
    for (const [name, target] of [
      ['file', 'file'],
      ['link', 'file'],
      ['dangling', 'nowhere'],
      ['gone', 'gone'],
    ] as const)
      expect(await outputPathOf(at(name), given)).toBe(at(target));
    for (const assert of [assertGivenFile, outputPathOf])
      await expect(assert(at('folder'), given)).rejects.toMatchObject({
        message: `${at('folder')} is a folder, not a bundle.`,
        failureClass: 'conflict',
        evidence: [at('folder')],
        remedies: [{ id: 'other', label: 'Name a file: --bundle <file>' }],
      });
    await expect(assertGivenFile(`${at('file')}\0`, given)).rejects.toThrow('null bytes');
  });
});

describe('a regular file', () => {
  it.each([
    ['folder', 'is a folder, not a file', 'is a folder, not a file'],
    ['link', 'is a symbolic link, not a file', null],
    ['folder-link', 'is a symbolic link, not a file', 'is a folder, not a file'],
  ])('%s is refused', async (name, refused, followed) => {
    const at = await places();
    const shown = (text: string | null) => text && `${at(name)} ${text}.`;
    expect(await refusal(readRegularFile(at(name), { maxBytes: 100 }))).toBe(shown(refused));
    const attempt = readRegularText(at(name), { maxBytes: 100, links: 'follow' });
    expect(await refusal(attempt)).toBe(shown(followed));
    if (followed === null) expect(await attempt).toBe('content');
  });

  it('has at most so many bytes', async () => {
    const at = await places();
    expect(await readRegularText(at('file'), { maxBytes: 7 })).toBe('content');
    expect(await refusal(readRegularText(at('file'), { maxBytes: 6 }))).toBe(
      `${at('file')} is longer than the 6 bytes that such a file can have.`,
    );
    await writeFile(at('file'), '');
    expect(await readRegularText(at('file'), { maxBytes: 0 })).toBe('');
  });

  it('that is not there is the error of the system, unless it is appended to', async () => {
    const at = await places();
    expect(await refusal(readRegularFile(at('gone'), { maxBytes: 1 }))).toBe('ENOENT');
    expect(await refusal(openRegularFile(at('gone'), { maxBytes: 1 }, 'update'))).toBe('ENOENT');
    const handle = await openRegularFile(at('gone'), { maxBytes: 10 }, 'append', 0o600);
    await handle.writeFile('one');
    await handle.close();
    const more = await openRegularFile(at('gone'), { maxBytes: 10 }, 'append');
    await more.writeFile('two');
    await more.close();
    expect(await readFile(at('gone'), 'utf8')).toBe('onetwo');
    expect((await stat(at('gone'))).mode & 0o777).toBe(0o600);
    expect(await refusal(openRegularFile(at('gone/x'), { maxBytes: 1 }, 'append'))).toBe('ENOTDIR');
  });

  it('of a project is not reached through a link', async () => {
    const at = await places();
    const text = (path: string) =>
      `${path} is a symbolic link; nothing of a project is read or written through one.`;
    await writeFile(at('folder/inner'), 'x');
    const within = { maxBytes: 10, within: at('.') };
    expect(await readRegularText(at('folder/inner'), within)).toBe('x');
    expect(await refusal(readRegularText(at('folder-link/inner'), within))).toBe(text(at('folder-link')));
    await assertNoLinkWithin(at('.'), at('gone/a/b'));
    await assertNoLinkWithin(at('.'), at('.'));
    expect(await refusal(assertNoLinkWithin(at('folder'), at('file')))).toBe(
      `${at('file')} is not within ${at('folder')}`,
    );
    await writeFileWithin(at('.'), at('folder/new'), 'y', 0o600);
    expect(await readFile(at('folder/new'), 'utf8')).toBe('y');
    expect((await stat(at('folder/new'))).mode & 0o777).toBe(0o600);
    expect(await refusal(writeFileWithin(at('.'), at('folder-link/new'), 'z'))).toBe(text(at('folder-link')));
  });

  it('is new where a file or a link was, and never where a folder is', async () => {
    const at = await places();
    for (const name of ['file', 'link', 'dangling', 'gone']) {
      const handle = await openNewFile(at(name), 0o600);
      await handle.writeFile('new');
      expect((await handle.stat()).mode & 0o777).toBe(0o600);
      await handle.close();
      expect(kindOf(await lstat(at(name)))).toBe('file');
    }
    expect(await refusal(openNewFile(at('folder')))).toBe(`${at('folder')} is a folder, not a file.`);
    await clearPlace(at('link'));
    await clearPlace(at('link'));
    await clearPlace(at('file/below'));
    expect(await readdir(at('.'))).toEqual(['dangling', 'file', 'folder', 'folder-link', 'gone']);
    const bare = await openNewFile(at('bare'));
    expect((await bare.stat()).mode & 0o777 & 0o100).toBe(0);
    await bare.close();
  });

  it('that cannot be used can be moved away', () => {
    expect(new UnusableFileError('/x', 'is a folder, not a file')).toMatchObject({
      name: 'UnusableFileError',
      message: '/x is a folder, not a file.',
      failureClass: 'conflict',
      evidence: ['/x'],
      remedies: [{ label: 'Move it away, then run' }],
    });
  });
});

describe('a file that is written whole', () => {
  it('replaces a link, and says when a folder is in its place', async () => {
    const at = await places();
    await writeFileAtomic(at('link'), Buffer.from('new'), undefined, { isDurable: false });
    expect(kindOf(await lstat(at('link')))).toBe('file');
    expect((await stat(at('link'))).mode & 0o111).toBe(0);
    expect(await readFile(at('file'), 'utf8')).toBe('content');
    expect(await refusal(writeFileAtomic(at('folder'), ''))).toBe(`${at('folder')} is a folder, not a file.`);
    expect(await refusal(writeFileAtomic(at('file/below'), ''))).toBe('EEXIST');
    expect((await readdir(at('.'))).filter((name) => name.includes('.tmp'))).toEqual([]);
    await makeFolder(at('a/b'));
    expect((await stat(at('a/b'))).mode & 0o002).toBe(0);
    await syncDirectory(at('a/b'));
    expect(jsonText({ a: 1 })).toBe('{\n  "a": 1\n}\n');
  });

  it('is published once', async () => {
    const at = await places();
    expect(await publishNewFile(at('new'), 'one', 0o600)).toBe(true);
    expect((await stat(at('new'))).mode & 0o777).toBe(0o600);
    expect(await publishNewFile(at('new'), 'two')).toBe(false);
    expect(await readFile(at('new'), 'utf8')).toBe('one');
    expect(await refusal(publishNewFile(at('gone/new'), 'x'))).toBe('ENOENT');
    expect((await readdir(at('.'))).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  it('tells version control to ignore the folder of a project, once', async () => {
    const root = await temporaryFolder();
    await makeProjectFolder(root);
    const ignore = join(root, '.ktx', '.gitignore');
    expect(await readFile(ignore, 'utf8')).toBe('# Made by ktx for this machine.\n*\n');
    await writeFile(ignore, 'own');
    await makeProjectFolder(root);
    expect(await readFile(ignore, 'utf8')).toBe('own');
  });
});

it('a folder is removed with all that is in it, and its name is found again', async () => {
  const at = await places();
  await writeFile(at('folder/inner'), '');
  await removeAside(at('folder'), { ours: ['inner'] });
  expect(await readdir(at('.'))).toEqual(['dangling', 'file', 'folder-link', 'link']);
  expect(await refusal(removeAside(at('folder'), { ours: [] }))).toBe('ENOENT');
  expect(originalPath('/x/env.0123abcd.removed')).toBe('/x/env');
  for (const path of [
    '/x/env',
    '/x/env.0123abcd.removed/y',
    '/x/env.0123abc.removed',
    '/x/env.0123ABCD.removed',
  ])
    expect(originalPath(path)).toBe(path);
});

it('lines that arrived are split once they are read', () => {
  expect(batchOfLines(['a', 'b'])).toEqual({
    count: 2,
    lines: ['a', 'b'],
    plainBytes: null,
    mayHoldNotedWords: true,
  });
  const bytes = Buffer.from('a\nb\n');
  const batch = batchOfBytes(bytes, 2);
  expect(batch).toMatchObject({ count: 2, plainBytes: bytes, mayHoldNotedWords: true });
  expect(batch.lines).toEqual(['a', 'b']);
  expect(batch.lines).toBe(batch.lines);
  expect(batchOfBytes(bytes, 2, false).mayHoldNotedWords).toBe(false);
});

describe.skipIf(process.platform === 'win32')('the home folder', () => {
  const at = (home: string | undefined) => {
    vi.stubEnv('HOME', home);
    const folder = homeFolder();
    return [folder, homeProblem(folder)];
  };

  it.each<[string, string, string | null]>([
    ['/home/ann', '/home/ann', null],
    ['relative', '/nonexistent', 'HOME is not an absolute path: "relative"'],
    ['/caf\uFFFD', '/nonexistent', 'HOME is not UTF-8: "/caf\uFFFD"'],
    ['/nonexistent', '/nonexistent', '/nonexistent is no home folder'],
  ])('for HOME=%s is %s', (home, folder, problem) => expect(at(home)).toEqual([folder, problem]));

  it('of the account is taken where HOME says nothing', () => {
    const [unset] = at(undefined);
    expect(at('')[0]).toBe(unset);
    expect(isLossy('/x')).toBe(false);
  });
});
