import { execFile } from 'node:child_process';
import { lstat, mkdir, readdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { runBundleCommand } from '../../../src/cli/commands/bundle-command.ts';
import type { BundleArgs } from '../../../src/cli/commands/bundle-program.ts';
import { runEmbedCommand } from '../../../src/cli/commands/embed-command.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { outputPathOf } from '../../../src/support/fs/given-path.ts';
import { VectorFile } from '../../../src/vectors/vector-file.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { plainEnvironment } from '../../fixtures/program.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const execFileAsync = promisify(execFile);

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder, 'folder'));
  await writeFile(join(folder, 'file'), 'select 1');
  await symlink('nowhere', join(folder, 'broken'));
});

const READ = { isJson: false, trust: null, isSignatureRequired: false, receipt: null };
const CREATE: BundleArgs = {
  command: 'create',
  platforms: ['linux-x64'],
  features: ['core'],
  python: 'none',
  output: 'out.bundle',
  indexUrl: null,
  runtimeRoot: null,
  isOffline: true,
  pythonArchives: [],
  isWithApp: false,
  nodeArchives: [],
  since: null,
  signKey: null,
  splitBytes: null,
  isJson: false,
};

/** Nothing that a person names may come back as an error of the file system, or after the work was done. */
describe('a path that a person gave', () => {
  it.each<[string, BundleArgs, RegExp[]]>([
    [
      'a bundle to verify',
      { command: 'verify', file: 'none.bundle', ...READ },
      [
        /There is no bundle at \S+none\.bundle/,
        /is there; it holds no none\.bundle/,
        /Give the path of a bundle/,
      ],
    ],
    ['a link to nothing', { command: 'inspect', file: 'broken', isJson: false }, [/There is no bundle at/]],
    [
      'a folder that is not there',
      { command: 'inspect', file: 'folder/below/x', isJson: false },
      [/\/folder is there; it holds no below/],
    ],
    [
      'a first part that is not there',
      { command: 'inspect', file: 'none.001', isJson: false },
      [/There is no bundle at \S+none\.001/],
    ],
    [
      'a bundle to compare with',
      { command: 'diff', older: 'none', newer: 'none', isJson: false },
      [/There is no bundle at/],
    ],
    [
      'a folder as the bundle to write',
      { ...CREATE, output: 'folder' },
      [/folder is a folder, not a file/, /Name a file: --output <file>/],
    ],
    ['a key to sign with', { ...CREATE, signKey: 'none' }, [/There is no key at/, /--sign-key <file>/]],
  ])('%s', async (_what, args, said) => {
    const { io, printed } = capturedIo();
    const env = plainEnvironment(folder);
    expect(await runBundleCommand(args, io, { cwd: folder, env })).toBe(1);
    for (const words of said) expect(printed.stderr).toMatch(words);
    expect(printed.stderr).not.toMatch(/ENOENT|EISDIR/);
    expect(printed.stdout).not.toContain('[fetch]');
  });

  it.each([
    ['none', /There is no file at \S+none\./],
    ['broken', /There is no file at/],
    ['folder', /folder is a folder, not a file\.[\s\S]*Name a file: --input <file>/],
  ])('the texts to embed: %s', async (inputPath, said) => {
    const args = { inputPath, texts: [] };
    const failure = await runEmbedCommand(args as never, capturedIo().io, {
      cwd: folder,
      projectDir: folder,
    }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SetupError);
    const { message, nextSteps } = failure as SetupError;
    expect([message, ...nextSteps].join('\n')).toMatch(said);
    expect(message).not.toMatch(/ENOENT|EISDIR/);
  });
});

/** A file is renamed into place: a device or a pipe there would be replaced by it. */
describe('a path to write to', () => {
  const given = { what: 'file', flag: '--output <file>' };
  const said = (path: string) => outputPathOf(path, given).catch((error: SetupError) => error.message);

  it.skipIf(process.platform === 'win32')('is never a device, a pipe or a folder', async () => {
    await execFileAsync('mkfifo', [join(folder, 'pipe')]);
    await symlink('/dev/null', join(folder, 'to-null'));
    expect(await said('/dev/null')).toBe('/dev/null is a device, not a file.');
    expect(await said(join(folder, 'to-null'))).toMatch(/is a device, not a file\.$/);
    expect(await said(join(folder, 'pipe'))).toMatch(/is a named pipe, not a file\.$/);
    expect(await said(join(folder, 'folder'))).toMatch(/is a folder, not a file\.$/);
  });

  it.skipIf(process.platform === 'win32')('is refused by every command before it does anything', async () => {
    await execFileAsync('mkfifo', [join(folder, 'pipe')]);
    const deps = { cwd: folder, env: plainEnvironment(folder) };
    const { io, printed } = capturedIo();
    expect(await runBundleCommand({ ...CREATE, output: 'pipe' }, io, deps)).toBe(1);
    expect(
      await runBundleCommand({ command: 'verify', file: 'file', ...READ, receipt: 'pipe' }, io, deps),
    ).toBe(1);
    expect(printed.stderr.match(/pipe is a named pipe, not a file/g)).toHaveLength(2);
    expect(printed.stdout).toBe('');
    const texts = { inputPath: null, texts: ['a'], outputPath: 'pipe', format: 'jsonl' };
    await expect(runEmbedCommand(texts as never, io, { cwd: folder, projectDir: folder })).rejects.toThrow(
      'pipe is a named pipe, not a file.',
    );
    expect((await lstat(join(folder, 'pipe'))).isFIFO()).toBe(true);
  });

  it('leads through a link, to what is not there yet too', async () => {
    await symlink('file', join(folder, 'link'));
    expect(await said(join(folder, 'link'))).toBe(await realpath(join(folder, 'file')));
    expect(await said(join(folder, 'broken'))).toBe(join(folder, 'nowhere'));
    expect(await said(join(folder, 'new', 'file'))).toBe(join(folder, 'new', 'file'));
  });

  it('is named when vectors cannot be written there', async () => {
    const key = { inputSha256: 'x', format: 'jsonl' as const, model: 'm' };
    const failure = await VectorFile.open(join(folder, 'file', 'x'), key).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SetupError);
    expect((failure as SetupError).message).toMatch(/file\/x cannot be written\.$/);
    await (await VectorFile.open(join(folder, 'new', 'x'), key)).close();
    expect(await readdir(join(folder, 'new'))).toContain('x.partial');
  });
});
