import { execFileSync, spawn } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { spawnDaemon, writeDaemonState } from './zoo-daemons.ts';
import { ENVIRONMENT, MANIFEST } from './zoo-environment-states.ts';
import { ODD } from './zoo-odd-states.ts';
import {
  empty,
  fifo,
  filesBelow,
  loop,
  OTHER_UID,
  replaced,
  script,
  type ZooPaths,
  type ZooState,
} from './zoo-state.ts';
import { UNFORESEEN } from './zoo-unforeseen-states.ts';

const FOLDERS: readonly ZooState[] = [
  {
    name: 'everything deleted but the manifest',
    async damage(p) {
      await rm(join(p.root, 'uv'), { recursive: true });
      await rm(join(p.versionDir, 'envs'), { recursive: true });
      await rm(join(p.versionDir, '.venv'), { force: true });
    },
    finds: ['uv', 'interpreter'],
    repair: 'replace-uv',
    isOffline: false,
  },
  {
    name: 'nothing at all',
    damage: (p) => rm(p.root, { recursive: true }),
    finds: ['uv', 'runtime'],
    repair: 'replace-uv',
    isOffline: false,
  },
  {
    name: 'an empty root',
    damage: (p) => replaced(p.root, (path) => mkdir(path)),
    finds: ['uv', 'runtime'],
    repair: 'replace-uv',
    isOffline: false,
  },
  {
    name: 'root is a file',
    damage: (p) => replaced(p.root, empty),
    finds: ['folders'],
    repair: 'clear-obstacle',
    isOffline: false,
  },
  {
    name: 'root points nowhere',
    damage: (p) => replaced(p.root, (path) => symlink('/nowhere/at-all', path)),
    finds: ['folders'],
    repair: 'clear-obstacle',
    isOffline: false,
  },
  {
    name: 'shared folder is a file',
    damage: (p) => replaced(join(p.root, 'uv'), empty),
    finds: ['folders'],
    repair: 'clear-obstacle',
    isOffline: false,
  },
  {
    name: 'store is a pipe',
    damage: (p) => replaced(join(p.root, 'uv', 'store'), fifo),
    finds: ['folders'],
    repair: 'clear-obstacle',
    emptiesStore: true,
  },
  {
    name: 'version folder is a pipe',
    damage: (p) => replaced(p.versionDir, fifo),
    finds: ['folders'],
    repair: 'clear-obstacle',
  },
  {
    name: 'envs is a link to itself',
    damage: (p) => replaced(join(p.versionDir, 'envs'), loop),
    finds: ['folders'],
    repair: 'clear-obstacle',
  },
  {
    name: 'locks is a file',
    damage: (p) => replaced(join(p.root, 'uv', 'locks'), empty),
    finds: ['folders'],
    repair: 'clear-obstacle',
  },
  {
    name: 'root of another owner',
    damage: (p) => chown(p.root, OTHER_UID, OTHER_UID),
    finds: ['folders'],
    repair: 'mend-permissions',
    needs: 'root',
  },
  {
    name: 'all of another owner',
    damage: (p) => void execFileSync('chown', ['-R', String(OTHER_UID), p.root]),
    finds: ['folders'],
    repair: 'mend-permissions',
    needs: 'root',
  },
  {
    name: 'version folder writable for all',
    damage: (p) => chmod(p.versionDir, 0o777),
    finds: ['folders'],
    repair: 'mend-permissions',
  },
];

const uv = (name: string, damage: ZooState['damage']): ZooState => ({
  name,
  damage,
  finds: ['uv'],
  repair: 'replace-uv',
});

const TOOLS: readonly ZooState[] = [
  uv('uv missing', (p) => rm(p.uv)),
  uv('uv replaced by a script', (p) => replaced(p.uv, script('#!/bin/sh\necho uv 0.11.21\n'))),
  uv('uv cut short', (p) => truncate(p.uv, 100_000)),
  uv('uv empty', (p) => empty(p.uv)),
  uv('uv is a folder', (p) => replaced(p.uv, (path) => mkdir(path))),
  uv('uv is a pipe', (p) => replaced(p.uv, fifo)),
  uv('uv not executable', (p) => chmod(p.uv, 0o644)),
  uv('uv points nowhere', (p) => replaced(p.uv, (path) => symlink('/nowhere', path))),
  uv('uv is another program', (p) => replaced(p.uv, (path) => copyFile('/bin/true', path))),
];

const runId = '01234567-89ab-4def-8123-456789abcdef';
const RUNS: readonly ZooState[] = [
  {
    name: 'dead lock',
    damage: (p) => writeHolder(p, { pid: 4_000_000, start: '1' }),
    finds: ['lock'],
    repair: 'release-lock',
  },
  {
    name: 'live lock',
    async damage(p) {
      const child = spawn('sleep', ['600'], { stdio: 'ignore' });
      const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
      await writeHolder(p, { pid: child.pid, start: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] });
      return () => child.kill('SIGKILL');
    },
    finds: ['lock'],
    repair: null,
  },
  {
    name: 'lock is a folder',
    damage: (p) => replaced(join(p.root, 'uv', 'locks', 'root.lock'), (path) => mkdir(path)),
    finds: ['lock'],
    repair: 'release-lock',
  },
  {
    name: 'half a journal',
    async damage(p) {
      const dir = join(p.root, 'uv', 'runs', runId);
      await mkdir(dir, { recursive: true });
      await writeFile(join(dir, 'journal.jsonl'), '{"schemaVersion":1,"cliVer');
    },
    finds: ['leftovers'],
    repair: 'remove-leftovers',
  },
  {
    name: 'an unfinished environment',
    async damage(p) {
      const dir = join(p.versionDir, 'envs', 'deadbeef');
      await mkdir(dir, { recursive: true });
      await writeFile(join(dir, 'pyvenv.cfg'), 'home = /usr/bin\n');
    },
    finds: ['leftovers'],
    repair: 'remove-leftovers',
  },
  {
    name: 'an interrupted removal',
    damage: (p) =>
      mkdir(join(p.versionDir, 'envs', 'deadbeef.01234567.removed'), { recursive: true }).then(() => {}),
    finds: ['leftovers'],
    repair: 'remove-leftovers',
  },
  {
    name: 'a manifest that was never renamed',
    damage: (p) => writeFile(join(p.versionDir, 'manifest.json.123.01234567.tmp'), '{'),
    finds: ['leftovers'],
    repair: 'remove-leftovers',
  },
];

async function writeHolder(
  p: ZooPaths,
  owner: { pid: number | undefined; start: string | undefined },
): Promise<void> {
  const host = hostname();
  const holder = { ...owner, host, step: 'fetch', since: new Date().toISOString() };
  await writeFile(join(p.root, 'uv', 'locks', 'root.lock.holder.json'), JSON.stringify(holder));
}

const DAEMON: readonly ZooState[] = [
  {
    name: 'daemon state garbage',
    async damage(p) {
      await mkdir(dirname(p.daemonState), { recursive: true });
      await writeFile(p.daemonState, 'garbage');
    },
    finds: ['daemon-state'],
    repair: 'stop-daemon',
  },
  {
    name: 'daemon state is a folder',
    damage: (p) => mkdir(p.daemonState, { recursive: true }).then(() => {}),
    finds: ['daemon-state'],
    repair: 'stop-daemon',
  },
  {
    name: 'daemon state is a pipe',
    async damage(p) {
      await mkdir(dirname(p.daemonState), { recursive: true });
      fifo(p.daemonState);
    },
    finds: ['daemon-state'],
    repair: 'stop-daemon',
  },
  {
    name: 'daemon has ended',
    damage: (p) => writeDaemonState(p, {}),
    finds: ['daemon-state'],
    repair: 'stop-daemon',
  },
  {
    name: 'daemon of another version',
    async damage(p) {
      const child = await spawnDaemon(p);
      await writeDaemonState(p, { pid: child.pid, port: 4, version: '0.0.9' });
      return () => child.kill('SIGKILL');
    },
    finds: ['daemon-version'],
    repair: 'stop-daemon',
  },
  {
    name: "daemon's port taken by another program",
    async damage(p) {
      const server = createServer((_, response) => response.end('{"status":"fine"}'));
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
];

const model = (name: string, damage: ZooState['damage'], finds = 'model'): ZooState => ({
  name,
  damage,
  finds: [finds],
  repair: 'refetch-model',
  isOffline: false,
  needs: 'embeddings',
});

const MODEL: readonly ZooState[] = [
  model('model cut short', async (p) => truncate(await modelFile(p), 100)),
  model('model missing', (p) => rm(p.model, { recursive: true })),
  model('a file of the model missing', async (p) => rm(await modelFile(p))),
  model('model folder is a file', (p) => replaced(p.model, empty)),
];

async function modelFile(p: ZooPaths): Promise<string> {
  // Whatever their names: the first is as good as another.
  return (await filesBelow(p.model, ''))[0]!;
}

/** Files of the runtime on a volume of its own, which the damage then fills, closes or takes rights from. */
async function onTmpfs(p: ZooPaths, options: string): Promise<() => void> {
  execFileSync('cp', ['-a', p.root, `${p.root}-copy`]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', p.root]);
  execFileSync('cp', ['-a', `${p.root}-copy/.`, p.root]);
  await rm(`${p.root}-copy`, { recursive: true });
  return () => void execFileSync('umount', ['-l', p.root]);
}

function bound(p: ZooPaths, option: string): () => void {
  execFileSync('mount', ['--bind', p.root, p.root]);
  execFileSync('mount', ['-o', `remount,bind,${option}`, p.root]);
  return () => void execFileSync('umount', ['-l', p.root]);
}

const YEARS_BACK = 'data:text/javascript,const now=Date.now;Date.now=()=>now()-25*365*864e5';

const SYSTEM: readonly ZooState[] = [
  {
    name: 'disk full',
    async damage(p) {
      const unmount = await onTmpfs(p, 'size=600m');
      try {
        execFileSync('dd', ['if=/dev/zero', `of=${join(dirname(p.root), 'runtime', 'filler')}`, 'bs=1M'], {
          stdio: 'ignore',
        });
      } catch {}
      return unmount;
    },
    finds: ['space'],
    repair: 'free-space',
    remains: ['space'],
    isFinal: true,
    needs: 'root',
  },
  {
    name: 'no file entries left',
    async damage(p) {
      const unmount = await onTmpfs(p, 'size=900m,nr_inodes=12000');
      await mkdir(join(p.root, 'filler'));
      try {
        for (let file = 0; ; file++) await empty(join(p.root, 'filler', String(file)));
      } catch {}
      return unmount;
    },
    finds: ['inodes'],
    repair: 'free-space',
    remains: ['inodes'],
    isFinal: true,
    needs: 'root',
  },
  {
    name: 'root is read-only',
    damage: (p) => bound(p, 'ro'),
    finds: ['folders'],
    repair: null,
    needs: 'root',
  },
  {
    name: 'programs may not run there',
    damage: (p) => bound(p, 'noexec'),
    finds: ['volume'],
    repair: null,
    needs: 'root',
  },
  {
    name: 'clock in 2001',
    damage() {},
    env: { NODE_OPTIONS: `--import "${YEARS_BACK}"` },
    finds: ['clock'],
    repair: null,
  },
  {
    name: 'network settings garbage',
    damage: (p) => writeFile(join(p.root, 'uv', 'network.json'), '{"schemaVersion":'),
    finds: ['network-settings'],
    repair: null,
  },
  {
    name: 'environments cannot be read',
    damage: (p) => chmod(join(p.versionDir, 'envs'), 0o000),
    finds: ['folders'],
    repair: 'mend-permissions',
    needs: 'root',
    uid: OTHER_UID,
  },
  {
    name: 'version folder cannot be read',
    damage: (p) => chmod(p.versionDir, 0o000),
    finds: ['folders'],
    repair: 'mend-permissions',
    needs: 'root',
    uid: OTHER_UID,
  },
  {
    name: 'root cannot be written',
    damage: (p) => chmod(p.root, 0o555),
    finds: ['folders'],
    repair: 'mend-permissions',
    needs: 'root',
    uid: OTHER_UID,
  },
];

/** Every state of a damaged runtime. */
export const ZOO: readonly ZooState[] = [
  ...ENVIRONMENT,
  ...MANIFEST,
  ...FOLDERS,
  ...TOOLS,
  ...RUNS,
  ...DAEMON,
  ...SYSTEM,
  ...MODEL,
  ...ODD,
  ...UNFORESEEN,
];
