import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { carryOut, networkLines } from '../../../src/cli/panels/mend.ts';
import type { SetupOptions } from '../../../src/setup/request/setup-options.ts';
import type { MendTask } from '../../../src/wizard/panels/mend-task.ts';

let folder: string;
let setup: SetupOptions;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-mend-'));
  setup = {
    cliVersion: '0.3.0',
    features: ['core'],
    env: {},
    homeDir: folder,
    runtimeRoot: join(folder, 'runtime'),
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const done = (task: MendTask) => carryOut(task, setup, { cwd: folder, projectDir: folder });
const permissions = async (path: string) => (await stat(path)).mode & 0o777;

describe('a remedy that is carried out', () => {
  it('stores a setting, which the next setup finds, and forgets it', async () => {
    await done({ kind: 'store-setting', name: 'proxy', value: 'proxy.example:3128' });
    expect((await networkLines(setup)).join('\n')).toContain('proxy.example:3128');
    await done({ kind: 'forget-settings' });
    expect((await networkLines(setup)).join('\n')).not.toContain('proxy.example');
  });

  it('refuses a setting that is none, and stores nothing', async () => {
    const task = { kind: 'store-setting', name: 'ca-file', value: '~/none.pem' } as const;
    await expect(done(task)).rejects.toThrow(/none\.pem/);
  });

  it('adds a login to netrc, keeps what is there, and lets nobody else read it', async () => {
    const path = join(folder, '.netrc');
    await writeFile(path, 'machine a.example login x password y', { mode: 0o644 });
    await chmod(path, 0o644);
    await done({ kind: 'append-line', file: '~/.netrc', line: 'machine b.example login ada password s3' });
    expect(await readFile(path, 'utf8')).toBe(
      'machine a.example login x password y\nmachine b.example login ada password s3\n',
    );
    expect(await permissions(path)).toBe(0o600);
  });

  it('writes through a linked netrc, and keeps the link', async () => {
    const [path, kept] = [join(folder, 'linked'), join(folder, 'kept')];
    await writeFile(kept, 'machine a.example login x password y\n', { mode: 0o600 });
    await symlink(kept, path);
    await done({ kind: 'append-line', file: path, line: 'machine b.example login ada password s3' });
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await readFile(kept, 'utf8')).toContain('machine b.example');
  });

  it.each(['machine b.example login ada password two words', 'machine b.example login  password x'])(
    'refuses the login %j, which a netrc file cannot hold',
    async (line) => {
      const before = await readFile(join(folder, '.netrc'), 'utf8').catch(() => null);
      await expect(done({ kind: 'append-line', file: '~/.netrc', line })).rejects.toThrow(/takes no spaces/);
      expect(await readFile(join(folder, '.netrc'), 'utf8').catch(() => null)).toBe(before);
    },
  );

  it('moves what is in the way, and never onto something else', async () => {
    const [from, to] = [join(folder, 'way'), join(folder, 'way.old')];
    await writeFile(from, 'mine');
    await done({ kind: 'move-away', from, to });
    expect(await readFile(to, 'utf8')).toBe('mine');
    await writeFile(from, 'again');
    await expect(done({ kind: 'move-away', from, to })).rejects.toThrow(/already exists/);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['way', 'way.old']));
  });

  it('changes who may write a folder', async () => {
    const path = join(folder, 'locked');
    await mkdir(path);
    await chmod(path, 0o507);
    await done({ kind: 'change-mode', mode: 'u+rwx', path });
    expect(await permissions(path)).toBe(0o707);
    await done({ kind: 'change-mode', mode: 'o-w', path });
    expect(await permissions(path)).toBe(0o705);
  });

  it('says which path the file system refused', async () => {
    const from = join(folder, 'not there');
    await expect(done({ kind: 'move-away', from, to: `${from}.old` })).rejects.toThrow(
      `${from} cannot be moved away`,
    );
  });
});
