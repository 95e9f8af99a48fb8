import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../support/fs/atomic-file.ts';
import { findObstacle, runtimeFolders } from '../checks/folders.ts';
import { lockProblem } from '../checks/leftovers.ts';
import type { Backup } from './backup.ts';
import { offlineStep, type Repair, type RepairContext, whileLocked } from './repair.ts';

const OWNER_ALL = 0o700;
const OTHERS_WRITE = 0o002;

export const FOLDER_REPAIRS: readonly Repair[] = [
  {
    id: 'mend-permissions',
    label: 'Mend permissions',
    async plan(context) {
      const paths = await wrongEntries(context);
      return offlineStep('Makes these entries yours, and writable for you alone', paths.slice(0, 20));
    },
    async apply(context, backup) {
      // Repeated, because the content of a folder is only visible once it is readable.
      for (let paths = await wrongEntries(context); paths.length > 0; paths = await wrongEntries(context))
        for (const path of paths) await mend(path, backup);
    },
  },
  {
    id: 'clear-obstacle',
    label: 'Move away what is in the way',
    async plan(context) {
      const obstacle = await findObstacle(runtimeFolders(context));
      return offlineStep('Renames it, so that a folder can take its place', obstacle ? [obstacle.path] : []);
    },
    async apply(context, backup) {
      const folders = runtimeFolders(context);
      for (let found = await findObstacle(folders); found !== null; found = await findObstacle(folders)) {
        await backup.moveAside(found.path);
        await makeFolder(found.path);
      }
    },
  },
  {
    id: 'release-lock',
    label: 'Take over a dead lock',
    async plan({ shared }) {
      return offlineStep('Removes the record of a process that has ended; a held lock stays', [
        shared.locksDir,
      ]);
    },
    async apply(context, backup) {
      const { shared } = context;
      for (const name of await readdir(shared.locksDir).catch(() => [])) {
        const path = join(shared.locksDir, name);
        // Without it there would be nothing to undo, though taking the lock removes it again.
        if (name.endsWith('.holder.json')) await backup.keep(path);
        if (name.endsWith('.lock') && (await lockProblem(path)) !== null) await backup.moveAside(path);
      }
      // Taking and releasing each lock removes the stale record.
      await whileLocked(context, async () => {});
    },
  },
];

/** Entries whose mode stops this user from reading or changing the runtime, or lets others change it. */
async function wrongEntries(context: Pick<RepairContext, 'layout' | 'shared'>): Promise<string[]> {
  if (process.platform === 'win32') return [];
  const own = process.geteuid?.() ?? 0;
  const wrong: string[] = [];
  const look = async (path: string, isRoot: boolean): Promise<void> => {
    const status = await lstat(path).catch(() => null);
    if (status === null || status.isSymbolicLink()) return;
    const isForeign = status.uid !== own && (own === 0 || isRoot);
    const isClosed = status.isDirectory() && (status.mode & OWNER_ALL) !== OWNER_ALL;
    const isUnreadable = status.isFile() && (status.mode & 0o600) !== 0o600;
    const isOpen = (status.isDirectory() || status.isFile()) && (status.mode & OTHERS_WRITE) !== 0;
    if (isForeign || isClosed || isUnreadable || isOpen) wrong.push(path);
    const names = status.isDirectory() ? await readdir(path).catch(() => []) : [];
    for (const name of names) await look(join(path, name), false);
  };
  await look(context.layout.runtimeRoot, true);
  return wrong;
}

/** @throws the file system's error, such as EPERM for another user's file. */
async function mend(path: string, backup: Backup): Promise<void> {
  const status = await lstat(path);
  const own = process.geteuid?.() ?? 0;
  await backup.noteMode(path);
  if (status.uid !== own) await lchown(path, own, process.getegid?.() ?? own);
  const wanted = (status.mode | (status.isDirectory() ? OWNER_ALL : 0o600)) & ~OTHERS_WRITE;
  await chmod(path, wanted & 0o7777);
}
