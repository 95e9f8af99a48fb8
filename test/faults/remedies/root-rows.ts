import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OTHER_UID } from '../zoo-state.ts';
import { ZOO } from '../zoo-states.ts';
import type { Box, RemedyRow } from './follow.ts';

const SETUP = 'ktx setup --yes --force --python /usr/bin/python3';
const withoutHome = (box: Box) => {
  delete box.env['KTX_RUNTIME_ROOT'];
  delete box.env['HOME'];
};

export const other = (box: Box) => join(box.home, 'other');
const IN_OTHER = 'ktx admin runtime status --runtime-root <dir>';
const toOther = { values: { '<dir>': other }, works: IN_OTHER } as const;
/** What the zoo does to a runtime, by the name of its state. */
export const zoo = (name: string) => (box: Box) => {
  const state = ZOO.find((each) => each.name === name);
  if (state === undefined) throw new Error(`the zoo has no ${name}`);
  return state.damage(box.paths);
};
const mount = (box: Box, options: string) => {
  execFileSync('cp', ['-a', box.paths.root, `${box.paths.root}-copy`]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', box.paths.root]);
  execFileSync('cp', ['-a', `${box.paths.root}-copy/.`, box.paths.root]);
  execFileSync('rm', ['-r', `${box.paths.root}-copy`]);
  return () => void execFileSync('umount', ['-l', box.paths.root]);
};
const usedMegabytes = (path: string) =>
  Number(execFileSync('du', ['-sm', path], { encoding: 'utf8' }).split('\t')[0]);
/** A volume with this much left, and a runtime of another version on it that is as large as the filler. */
const almostFull = (box: Box) => {
  const unmount = mount(box, `size=${usedMegabytes(box.paths.root) + 160}m`);
  const old = join(box.paths.root, '0.0.9');
  execFileSync('mkdir', ['-p', join(old, 'envs', '0badcafe')]);
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${join(old, 'envs', '0badcafe', 'filler')}`, 'bs=1M'], {
      stdio: 'ignore',
    });
  } catch {}
  return unmount;
};
const setRoot = (path: (box: Box) => string) => (box: Box) => {
  box.env['KTX_RUNTIME_ROOT'] = path(box);
};
const remount = (option: string) => (box: Box) => {
  execFileSync('mount', ['--bind', box.paths.root, box.paths.root]);
  execFileSync('mount', ['-o', `remount,bind,${option}`, box.paths.root]);
  return () => void execFileSync('umount', ['-l', box.paths.root]);
};
const closed = (path: (box: Box) => string) => ({
  uid: OTHER_UID,
  damage: (box: Box) => chmod(path(box), 0o555),
  byHand: (box: Box) => chmod(path(box), 0o755),
});
const shared = (box: Box) => join(box.paths.root, 'uv');
const limits = (line: string) => ({
  damage: (box: Box) => {
    box.before = line;
  },
});

/** Folders, volumes and limits of the machine. */
export const ROOT_ROWS: readonly RemedyRow[] = [
  {
    remedy: 'core/layout: Choose another folder',
    state: 'a line break in KTX_RUNTIME_ROOT',
    damage: setRoot((box) => `${box.home}/a\nb`),
    fails: 'ktx setup --yes',
    ...toOther,
  },
  {
    remedy: 'core/layout: Or set KTX_RUNTIME_ROOT to a path without it',
    state: 'a line break in KTX_RUNTIME_ROOT',
    damage: setRoot((box) => `${box.home}/a\nb`),
    fails: 'ktx setup --yes',
    byHand: setRoot((box) => box.paths.root),
  },
  {
    remedy: 'core/layout: Name a folder',
    state: 'no home folder',
    uid: OTHER_UID,
    damage: withoutHome,
    fails: 'ktx setup --yes',
    ...toOther,
  },
  {
    remedy: 'core/layout: Or set KTX_RUNTIME_ROOT, for all commands',
    state: 'no home folder',
    uid: OTHER_UID,
    damage: withoutHome,
    fails: 'ktx setup --yes',
    byHand: setRoot((box) => box.paths.root),
  },
  {
    remedy: 'runtime/trusted-folders: If the folder is yours',
    state: 'all of another owner',
    damage: zoo('all of another owner'),
    fails: SETUP,
  },
  {
    remedy: 'runtime/trusted-folders: If nobody else has used it',
    state: 'writable for all',
    damage: (box) => chmod(box.paths.root, 0o777),
    fails: SETUP,
  },
  {
    remedy: 'OTHER_ROOT',
    state: 'all of another owner',
    damage: zoo('all of another owner'),
    fails: SETUP,
    ...toOther,
  },
  {
    remedy: 'runtime/write-access: Choose a shorter one',
    state: 'a path of 600 bytes',
    damage: setRoot((box) => join(box.home, 'x'.repeat(200), 'x'.repeat(200), 'x'.repeat(120))),
    fails: SETUP,
    ...toOther,
  },
  {
    remedy: 'runtime/write-access: Make the folder writable for this user',
    state: 'the locks folder cannot be created',
    ...closed(shared),
    damage: async (box) => {
      await rm(join(shared(box), 'locks'), { recursive: true });
      await chmod(shared(box), 0o555);
    },
    fails: SETUP,
  },
  {
    remedy:
      'support/fs/file-lock: Make the file and its folder writable for this user, or delete the file while no ktx runs',
    state: 'a lock file that may not be written',
    ...closed((box) => join(shared(box), 'locks', 'root.lock')),
    fails: SETUP,
  },
  {
    remedy: 'support/fs/regular-file: Move it away',
    state: 'a folder in the place of daemon.json',
    damage: (box) => mkdir(box.paths.daemonState, { recursive: true }),
    byHand: (box) => rm(box.paths.daemonState, { recursive: true }),
    fails: 'ktx admin runtime start',
    again: 'ktx admin runtime start && ktx admin runtime stop',
  },
  {
    remedy: 'makeWritable',
    state: 'the store may not be written',
    ...closed((box) => join(shared(box), 'store')),
    damage: async (box) => {
      await rm(wheelOf(box), { recursive: true });
      await chmod(join(shared(box), 'store'), 0o555);
    },
    byHand: () => {},
    fails: SETUP,
  },
  {
    remedy: 'makeWritable',
    state: 'no environment can be made',
    ...closed((box) => join(box.paths.versionDir, 'envs')),
    byHand: () => {},
    fails: SETUP,
  },
  {
    remedy: 'moveAway',
    state: 'a file in the place of the store',
    damage: async (box) => {
      await rm(join(shared(box), 'store'), { recursive: true });
      await writeFile(join(shared(box), 'store'), 'a file');
    },
    fails: SETUP,
  },
  {
    remedy: 'FREE_SPACE',
    state: 'the disk is full, with an old version on it',
    damage: almostFull,
    fails: SETUP,
  },
  {
    remedy: 'setup/plan/disk: Try anyway',
    state: 'less space than the plan asks for',
    damage: (box) => mount(box, `size=${usedMegabytes(box.paths.root) + 45}m`),
    fails: SETUP,
  },
  {
    remedy: 'failure/causes/machine-causes: Put the runtime on another volume',
    state: 'mounted noexec',
    damage: remount('noexec'),
    fails: SETUP,
    ...toOther,
  },
  { remedy: 'mountExecutable', state: 'mounted noexec', damage: remount('noexec'), fails: SETUP },
  {
    remedy: 'LIFT_FILE_LIMIT',
    state: 'ulimit -f 2000',
    ...limits('ulimit -S -f 2000'),
    fails: SETUP,
    works: null,
  },

  {
    remedy: 'daemon/http/loopback: Bring it up, as its administrator',
    state: 'the loopback interface is down',
    damage: async (box) => {
      const child = spawn('unshare', ['-n', 'sleep', '900'], { stdio: 'ignore' });
      await once(child, 'spawn');
      box.cleanups.push(() => child.kill('SIGKILL'));
      // Its own namespace is there once the program has been exchanged.
      while ((await readlink(`/proc/${child.pid}/ns/net`)) === (await readlink('/proc/self/ns/net')))
        await delay(20);
      box.under = ['nsenter', '-t', String(child.pid), '-n'];
    },
    fails: `${SETUP} --offline`,
  },
  {
    remedy: 'setup/plan/plan: Remove the link',
    state: 'envs is a link',
    damage: linkedEnvironments,
    byHand: (box) => rm(join(box.paths.versionDir, 'envs')),
    fails: SETUP,
  },
  {
    remedy:
      'setup/plan/plan: For a bigger disk, put the whole runtime there: --runtime-root <dir>, or a link in the place of its folder',
    state: 'envs is a link',
    damage: linkedEnvironments,
    byHand: (box) => {
      box.env['KTX_RUNTIME_ROOT'] = other(box);
    },
    fails: SETUP,
  },
  {
    remedy: 'lifecycle/uninstall: Stop them, then run',
    state: 'a program runs from the runtime',
    damage: async (box) => {
      const child = spawn(join(box.paths.env, 'bin', 'python'), ['-c', 'import time; time.sleep(600)'], {
        stdio: 'ignore',
      });
      await once(child, 'spawn');
      box.cleanups.push(() => child.kill('SIGKILL'));
    },
    byHand: async (box) => {
      await box.cleanups[0]!();
      await delay(500);
    },
    fails: 'ktx admin runtime uninstall --yes',
    works: 'test ! -e "$KTX_RUNTIME_ROOT"',
  },
  {
    remedy: 'lifecycle/prune: Close what uses these folders, then run',
    state: 'a folder of an old version that is held',
    damage: async (box) => {
      const held = join(box.paths.root, '0.0.9', 'held');
      await mkdir(held, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', 'none', held]);
      box.cleanups.push(() => {
        try {
          execFileSync('umount', ['-l', held], { stdio: 'ignore' });
        } catch {}
      });
    },
    byHand: (box) => box.cleanups[0]!(),
    fails: 'ktx admin runtime prune --yes',
  },
  {
    remedy:
      'runtime/environments: An earlier environment (…; installed …) is still here. To use it instead of installing, run: ktx admin runtime undo',
    state: 'the manifest is lost, an earlier environment is whole',
    damage: async (box) => {
      await box.sh(`${SETUP}`);
      await rm(box.paths.manifest);
    },
    fails: 'ktx setup --dry-run',
    isNotice: true,
  },
  {
    remedy: 'REBUILD',
    state: 'undo without another environment',
    fails: 'ktx admin runtime undo --yes',
  },
  {
    remedy: 'doctor/repairs/backup: Go back to the environment before the last install',
    state: 'no repair to undo, but an earlier environment',
    damage: (box) => box.sh(SETUP),
    fails: 'ktx doctor --undo --yes',
    again: null,
  },
];

async function linkedEnvironments(box: Box): Promise<void> {
  const envs = join(box.paths.versionDir, 'envs');
  await rm(envs, { recursive: true });
  await mkdir(join(box.home, 'elsewhere'), { recursive: true });
  await symlink(join(box.home, 'elsewhere'), envs);
}

/** The folder in the store of a wheel that every environment needs. @throws where there is none. */
export function wheelOf(box: Box): string {
  const store = join(box.paths.root, 'uv', 'store');
  const args = [store, '-name', '*.whl', '-not', '-name', 'uv-*'];
  const [first] = execFileSync('find', args, { encoding: 'utf8' }).split('\n').filter(Boolean).sort();
  if (first === undefined) throw new Error(`no wheel in ${store}`);
  return dirname(first);
}
