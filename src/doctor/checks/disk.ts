import { access, constants, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { freeBytesAt } from '../../setup/plan/disk.ts';
import { errorCode, isAbsence } from '../../support/errors.ts';
import { formatBytes, formatCount } from '../../support/text/format.ts';
import { because, type Check, fail, pass, unknown, warn } from './check.ts';

/** Logs, state files and bytecode of a working runtime. */
const MIN_FREE_BYTES = 20_000_000;
/** A rebuild with all files in the store. */
const REBUILD_BYTES = 400_000_000;
const MIN_INODES = 200;
const REBUILD_INODES = 6000;

export const DISK_CHECKS: readonly Check[] = [
  {
    id: 'space',
    group: 'Disk',
    label: 'Free space',
    why: 'A full disk cuts files short, and a repair needs room for a second environment.',
    cost: 'offline',
    dependsOn: [],
    async run({ layout }) {
      const free = await freeBytesAt(layout.runtimeRoot);
      if (free === null) return unknown(`the system does not say how much is free at ${layout.runtimeRoot}`);
      const found = `${formatBytes(free)} free on the volume of ${layout.runtimeRoot}`;
      if (free < MIN_FREE_BYTES) return because('disk-full', fail(found, ['free-space'], 'Free some space'));
      if (free < REBUILD_BYTES)
        return warn(
          `${found}; a rebuild may need ${formatBytes(REBUILD_BYTES)}`,
          ['free-space'],
          'Free some space',
        );
      return pass(found);
    },
  },
  {
    id: 'inodes',
    group: 'Disk',
    label: 'Free file entries',
    why: 'A volume with free space can still be out of file entries.',
    cost: 'offline',
    dependsOn: [],
    async run({ layout }) {
      const found = await statfs(await nearest(layout.runtimeRoot)).catch(() => null);
      // File systems without an inode table (btrfs, FAT) report 0.
      if (found === null || found.files === 0) return pass('this file system has no limit');
      const text = `${formatCount(found.ffree, 'file entry', 'file entries')} free on the volume of ${layout.runtimeRoot}`;
      if (found.ffree < MIN_INODES)
        return because('disk-full', fail(text, ['free-space'], 'Delete files that nobody needs'));
      if (found.ffree < REBUILD_INODES)
        return warn(
          `${text}; a rebuild needs about ${REBUILD_INODES}`,
          ['free-space'],
          'Delete files that nobody needs',
        );
      return pass(text);
    },
  },
  {
    id: 'temporary',
    group: 'Disk',
    label: 'Temporary folder',
    why: 'Python and uv put their working files there.',
    cost: 'offline',
    dependsOn: [],
    async run() {
      const folder = tmpdir();
      const problem = await access(folder, constants.W_OK | constants.X_OK).then(
        () => null,
        (error: unknown) => (isAbsence(error) ? 'does not exist' : 'cannot be written by this user'),
      );
      if (problem !== null) return warn(`${folder} ${problem}`, [], 'Set TMPDIR to a folder of yours');
      if (process.platform !== 'win32' && isOpenToAll((await stat(folder)).mode))
        return warn(
          `Every user can replace files of others in ${folder}: it has no sticky bit`,
          [],
          `chmod +t ${folder}`,
        );
      const free = await freeBytesAt(folder);
      if (free === null) return unknown(`${folder} cannot be examined`);
      const found = `${formatBytes(free)} free in ${folder}`;
      return free < MIN_FREE_BYTES ? warn(found, [], 'Free some space there, or set TMPDIR') : pass(found);
    },
  },
];

/** With the sticky bit others may add files to a folder, but not remove ours. */
function isOpenToAll(mode: number): boolean {
  return (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
}

async function nearest(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    try {
      await statfs(current);
      return current;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || dirname(current) === current) throw error;
    }
  }
}
