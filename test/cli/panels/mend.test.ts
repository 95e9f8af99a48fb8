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
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { carryOut, currentSources, networkLines } from '../../../src/cli/panels/mend.ts';
import type { SetupOptions } from '../../../src/setup/request/setup-options.ts';
import { setNetworkSetting } from '../../../src/setup/session/network-settings.ts';
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
    // Linux changes the mode of no process, not even for root; elsewhere there is no such file.
    const path = `/proc/${process.pid}/status`;
    await expect(done({ kind: 'change-mode', mode: 'o-w', path })).rejects.toThrow(
      `${path} cannot be changed`,
    );
  });
});

describe('a report that is saved', () => {
  it('is readable by its owner only, and says where it is', async () => {
    const notice = await done({ kind: 'save-report', path: 'report.txt' });
    const path = join(folder, 'report.txt');
    expect(notice).toBe(`The report is saved as ${path}; secrets are removed.`);
    expect(await readFile(path, 'utf8')).toContain('0.3.0');
    expect(await permissions(path)).toBe(0o600);
  });

  it('or says why not', async () => {
    const place = join(folder, 'in the way');
    await mkdir(place);
    await expect(done({ kind: 'save-report', path: 'in the way' })).rejects.toThrow(place);
    const signal = AbortSignal.abort();
    const task = { kind: 'save-report', path: 'late.txt' } as const;
    await expect(carryOut(task, { ...setup, signal }, { cwd: folder, projectDir: folder })).rejects.toThrow();
  });
});

it('removes what an older version left', async () => {
  expect(await done({ kind: 'prune' })).toBe('0 older versions removed');
});

describe('the sources of a plan', () => {
  const sources = (env: NodeJS.ProcessEnv, more: Partial<SetupOptions> = {}) =>
    currentSources({ ...setup, env, ...more });

  it('without a setting are the defaults', async () => {
    const shown = await sources({});
    expect(shown['folder']).toBe(join(folder, 'runtime'));
    expect(shown['index']).toMatch(/^https:/);
    expect(shown['model-hub']).toMatch(/^https:.* \(default\)$/);
    expect(Object.keys(shown).filter((id) => /proxy|mirror/.test(id))).toEqual([]);
    expect(await sources({}, { runtimeRoot: undefined })).toMatchObject({
      folder: join(folder, '.ktx', 'runtime'),
    });
  });

  it.each([
    [
      { UV_DEFAULT_INDEX: 'https://index.example/simple' },
      'index',
      'https://index.example/simple (UV_DEFAULT_INDEX)',
    ],
    [{ HTTPS_PROXY: 'http://a.example:1' }, 'proxy', 'http://a.example:1/ (HTTPS_PROXY)'],
    [{ HTTP_PROXY: 'http://b.example:1' }, 'proxy', 'http://b.example:1/ (HTTP_PROXY)'],
    [
      { HTTP_PROXY: 'http://b.example:1', HTTPS_PROXY: 'http://a.example:1' },
      'proxy',
      'http://a.example:1/ (HTTPS_PROXY)',
    ],
    [{ NO_PROXY: 'c.example' }, 'no-proxy', 'c.example (NO_PROXY)'],
    [
      { UV_PYTHON_INSTALL_MIRROR: 'https://p.example' },
      'python-mirror',
      'https://p.example/ (UV_PYTHON_INSTALL_MIRROR)',
    ],
    [{ HF_ENDPOINT: 'https://hub.example' }, 'model-hub', 'https://hub.example/ (HF_ENDPOINT)'],
  ])('%j', async (env, id, shown) => {
    expect((await sources(env as NodeJS.ProcessEnv))[id]).toBe(shown);
  });

  it('name the certificates', async () => {
    const path = join(folder, 'ca.pem');
    await writeFile(path, rootCertificates[0]!);
    expect((await sources({ SSL_CERT_FILE: path }))['ca-file']).toBe(`${path} (SSL_CERT_FILE)`);
  });

  it('name the index of this run before any other, without its password', async () => {
    const indexUrl = 'https://ada:s3cret@run.example/simple';
    const shown = await sources({ UV_DEFAULT_INDEX: 'https://index.example/simple' }, { indexUrl });
    expect(shown['index']).toMatch(/^https:.*run\.example\/simple \(this run\)$/);
    expect(shown['index']).not.toContain('s3cret');
  });

  it('are the folder alone where the settings cannot be read', async () => {
    const runtimeRoot = join(folder, 'other');
    await mkdir(join(runtimeRoot, 'uv'), { recursive: true });
    const { path } = await setNetworkSetting(runtimeRoot, 'proxy', 'proxy.example:1', folder);
    await writeFile(path, '{');
    expect(await sources({}, { runtimeRoot })).toEqual({ folder: runtimeRoot });
  });
});

describe('the page of the network', () => {
  it('has a line for each setting, login and warning with its origin, then what is stored', async () => {
    const home = join(folder, 'home');
    await mkdir(home);
    await writeFile(join(home, '.netrc'), 'machine d.example login x password y\n', { mode: 0o600 });
    const env = { HTTPS_PROXY: 'http://a.example:1' };
    const lines = await networkLines({ ...setup, env, homeDir: home });
    expect(lines).toContain('proxy for https: http://a.example:1/ (from HTTPS_PROXY)');
    expect(lines.slice(-3)).toEqual([
      '',
      'No settings are stored for ktx only.',
      'Change one: ktx admin network set <name> <value>',
    ]);
  });
});
