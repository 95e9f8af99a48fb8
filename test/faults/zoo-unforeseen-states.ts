import { execFileSync } from 'node:child_process';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { spawnDaemon, writeDaemonState } from './zoo-daemons.ts';
import { environment } from './zoo-environment-states.ts';
import {
  changeManifest,
  config,
  daemon,
  distInfo,
  empty,
  fifo,
  moduleOf,
  OTHER_UID,
  python,
  replaced,
  script,
  type ZooPaths,
  type ZooState,
} from './zoo-state.ts';

const OPEN_FOLDER = join(tmpdir(), `ktx-zoo-open-${process.pid}`);
const lib = (p: ZooPaths) => dirname(p.sitePackages);

/** Nothing is wrong with the runtime, and nothing may be said to be. */
const harmless = (name: string, change: Partial<ZooState> = {}): ZooState => ({
  name,
  damage() {},
  finds: [],
  repair: null,
  ...change,
});

async function homeOf(p: ZooPaths, home: string): Promise<void> {
  const text = await readFile(config(p), 'utf8');
  await writeFile(config(p), text.replace(/^home = .*$/m, `home = ${home}`));
}

/** What upgrades, administrators, backups and other programs do to a machine, and nobody has on a list. */
export const UNFORESEEN: readonly ZooState[] = [
  environment('pyvenv.cfg names a folder without a Python', (p) => homeOf(p, '/opt')),
  environment('pyvenv.cfg names a folder that is gone', (p) => homeOf(p, '/nowhere/bin')),
  environment('pyvenv.cfg names the Python of another folder', async (p) => {
    const other = join(dirname(p.root), 'project', 'other', 'bin');
    await mkdir(other, { recursive: true });
    await copyFile('/usr/bin/python3', join(other, 'python3'));
    await homeOf(p, other);
  }),
  environment(
    'a .pth that raises',
    (p) => writeFile(join(p.sitePackages, 'raises.pth'), 'import nowhere_at_all\n'),
    'files',
  ),
  environment(
    'sitecustomize that ends the interpreter',
    (p) => writeFile(join(p.sitePackages, 'sitecustomize.py'), 'raise SystemExit(3)\n'),
    'files',
  ),
  environment(
    'sitecustomize that prints',
    (p) => writeFile(join(p.sitePackages, 'sitecustomize.py'), 'print("hello")\n'),
    'files',
  ),
  environment(
    'a module beside a package that hides it',
    (p) => writeFile(join(p.sitePackages, 'sqlglot.py'), ''),
    'files',
  ),
  {
    ...environment(
      'a module inside a package that nobody recorded',
      (p) => writeFile(join(p.sitePackages, 'ktx_daemon', 'surprise.py'), ''),
      'digests',
    ),
    needs: 'deep',
  },
  environment(
    'two versions of a package recorded',
    async (p) => {
      const folder = await distInfo(p, 'sqlglot');
      const version = /sqlglot-(.+)\.dist-info/.exec(folder)![1]!;
      await cp(folder, folder.replace(version, `0.0.0`), { recursive: true });
    },
    'packages',
  ),
  harmless('folder of another Python beside the packages', {
    damage: (p) => mkdir(join(dirname(lib(p)), 'python3.10', 'site-packages'), { recursive: true }),
  }),
  environment(
    'packages behind a link',
    async (p) => {
      const elsewhere = join(dirname(p.root), 'project', 'elsewhere');
      await rm(elsewhere, { recursive: true, force: true });
      await rename(p.sitePackages, elsewhere);
      await symlink(elsewhere, p.sitePackages);
      return () => rm(elsewhere, { recursive: true, force: true });
    },
    'packages',
  ),
  {
    name: 'packages writable for all',
    damage: (p) => chmod(p.sitePackages, 0o777),
    finds: ['folders'],
    repair: 'mend-permissions',
  },
  {
    name: 'a module writable for all',
    damage: (p) => chmod(moduleOf(p), 0o666),
    finds: ['files'],
    repair: 'mend-permissions',
  },
  {
    name: 'interpreter deleted, the store unreadable for its owner',
    async damage(p) {
      execFileSync('chmod', ['-R', 'a-r', join(p.root, 'uv', 'store')]);
      await rm(python(p));
    },
    finds: ['folders'],
    repair: 'mend-permissions',
    needs: 'root',
    uid: OTHER_UID,
  },
  {
    name: 'lock of another user',
    async damage(p) {
      const path = join(p.root, 'uv', 'locks', 'root.lock');
      await writeFile(path, '');
      await chmod(path, 0o600);
      execFileSync('chown', ['0', path]);
    },
    finds: ['lock'],
    repair: 'release-lock',
    needs: 'root',
    uid: OTHER_UID,
  },
  harmless('no record in the environment', { damage: (p) => rm(join(p.env, 'environment.json')) }),
  harmless('HOME is not set', { env: { HOME: undefined } }),
  harmless('HOME is empty', { env: { HOME: '' } }),
  harmless('PYTHONHOME, PYTHONPATH and LD_PRELOAD of another program', {
    env: {
      PYTHONHOME: '/nowhere',
      PYTHONPATH: '/nowhere',
      LD_PRELOAD: '/nowhere.so',
      PYTHONWARNINGS: 'error',
    },
  }),
  harmless('packages of the user that hide ours', {
    async damage(p) {
      const folder = join(dirname(p.root), '.local', 'lib', 'python3.11', 'site-packages');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'ktx_daemon.py'), 'raise SystemExit(3)\n');
      await writeFile(join(folder, 'usercustomize.py'), 'raise SystemExit(3)\n');
      return () => rm(join(dirname(p.root), '.local'), { recursive: true });
    },
  }),
  {
    ...environment(
      'daemon program missing, settings of uv for other work',
      (p) => rm(daemon(p)),
      'entry-point',
    ),
    env: {
      UV_PYTHON: '/nowhere',
      UV_NO_BINARY: '1',
      UV_LINK_MODE: 'symlink',
      UV_CACHE_DIR: '/proc/nowhere',
      UV_PROJECT_ENVIRONMENT: '/nowhere',
      UV_PYTHON_PREFERENCE: 'only-managed',
      UV_REQUIRE_HASHES: '0',
      UV_EXCLUDE_NEWER: '2001-01-01',
    },
  },
  harmless('temporary folder is gone', { env: { TMPDIR: '/nowhere/at-all' }, finds: ['temporary'] }),
  harmless('temporary folder cannot be written', {
    env: { TMPDIR: '/proc/self' },
    finds: ['temporary'],
  }),
  harmless('temporary folder open to every user', {
    async damage() {
      await mkdir(OPEN_FOLDER, { recursive: true });
      await chmod(OPEN_FOLDER, 0o777);
      return () => rm(OPEN_FOLDER, { recursive: true });
    },
    env: { TMPDIR: OPEN_FOLDER },
    finds: ['temporary'],
  }),
  harmless('few files may be open', { under: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] }),
  harmless('locale of another encoding', {
    env: { LC_ALL: 'de_DE.ISO-8859-1', LANG: '' },
    finds: ['locale'],
  }),
  harmless('files dated in the future', {
    async damage(p) {
      const later = new Date(Date.now() + 400 * 86_400_000);
      for (const path of [config(p), p.env, p.root]) await utimes(path, later, later);
    },
  }),
  {
    name: 'installed by a clock that was ahead',
    damage: (p) => changeManifest(p, (m) => Object.assign(m, { installedAt: '2099-01-01T00:00:00.000Z' })),
    finds: ['clock'],
    repair: null,
  },
  {
    name: 'network settings are a pipe',
    damage: (p) => replaced(join(p.root, 'uv', 'network.json'), fifo),
    finds: ['network-settings'],
    repair: null,
  },
  {
    name: 'a daemon that was stopped, not ended',
    async damage(p) {
      const child = await spawnDaemon(p);
      await writeDaemonState(p, { pid: child.pid });
      child.kill('SIGSTOP');
      return () => child.kill('SIGKILL');
    },
    finds: ['daemon-health'],
    repair: 'stop-daemon',
  },
  {
    name: "daemon's port taken by a program that never answers",
    async damage(p) {
      const server = createServer(() => {});
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      const { port } = server.address() as AddressInfo;
      const child = await spawnDaemon(p, port);
      await writeDaemonState(p, { pid: child.pid, port });
      return () => {
        child.kill('SIGKILL');
        server.close();
      };
    },
    finds: ['daemon-health'],
    repair: 'stop-daemon',
  },
  {
    name: 'uv of another processor, its mark kept',
    async damage(p) {
      await replaced(p.uv, script('#!/bin/sh\nexit 0\n'));
    },
    finds: ['uv'],
    repair: 'replace-uv',
  },
  environment('bin/python is the base Python itself', (p) =>
    replaced(python(p), (path) => copyFile('/usr/bin/python3', path)),
  ),
  environment('pyvenv.cfg with the settings twice', async (p) => {
    const text = await readFile(config(p), 'utf8');
    await writeFile(config(p), `${text}include-system-site-packages = true\n`);
  }),
  environment(
    'an empty module in place of a library',
    (p) => empty(join(p.sitePackages, 'sqlglot', '__init__.py')),
    'files',
  ),
];
