import { randomBytes } from 'node:crypto';
import { chmod, lchown, lstat, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { sharedLayout } from '../../core/layout.ts';
import { absentAsNull, errorCode, isAbsence, SetupError } from '../../support/errors.ts';
import { jsonText, makeFolder, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { keepTree, type LostEntry } from './keep-tree.ts';

const RECORD = 'backup.json';
const MAX_RECORD_BYTES = 8 * 1024 * 1024;
const BACKUP_ID = /^[0-9a-f]{8}$/;

/** `uv/backups/<id>/backup.json`: the changes of a run of repairs, in order. Read by undo. */
const recordSchema = z.object({
  schemaVersion: z.literal(1),
  /** ISO-8601 UTC. */
  at: z.string(),
  repairs: z.array(z.string()),
  changes: z.array(
    z.union([
      /**
       * The backup is at `copy`; `null`: the path did not exist, and `below` was its nearest existing parent.
       */
      z.object({ kept: z.string(), copy: z.nullable(z.string()), below: z.optional(z.string()) }),
      z.object({ moved: z.string(), to: z.string() }),
      z.object({ mended: z.string(), mode: z.int(), uid: z.int(), gid: z.int() }),
    ]),
  ),
});
type BackupRecord = z.infer<typeof recordSchema>;

/** A backup of what a run of repairs changes, so that it can be undone as a whole. */
export interface Backup {
  readonly dir: string;
  /** Backs up a path, once per run. Uses hard links where possible, which take no space. */
  keep(path: string): Promise<void>;
  /** Renames what is at a path to a free name next to it. */
  moveAside(path: string): Promise<void>;
  /** Records mode and owner before they are changed. */
  noteMode(path: string): Promise<void>;
  addRepair(id: string): void;
  /** Writes the record. */
  save(): Promise<void>;
  /** Restores everything, last change first, and deletes the backup. */
  restore(): Promise<void>;
}

/**
 * Starts a backup; nothing is written before the first entry.
 * @param onLost called with what undo cannot restore, before it is changed.
 */
export function startBackup(runtimeRoot: string, onLost: (entry: LostEntry) => void = () => {}): Backup {
  const dir = join(backupsDir(runtimeRoot), randomBytes(4).toString('hex'));
  const record: BackupRecord = { schemaVersion: 1, at: new Date().toISOString(), repairs: [], changes: [] };
  const kept = new Set<string>();
  const save = async () => {
    if (record.changes.length === 0) return;
    await writeFileAtomic(join(dir, RECORD), jsonText(record));
  };
  return {
    dir,
    async keep(path) {
      if (kept.has(path)) return;
      kept.add(path);
      const status = await lstat(path).catch(absentAsNull);
      const copy = status === null ? null : join(dir, `${record.changes.length}`);
      if (copy !== null) {
        await makeFolder(dir);
        for (const entry of await keepTree(path, copy)) onLost(entry);
      }
      const below = copy === null ? { below: await nearestFolder(dirname(path)) } : {};
      record.changes.push({ kept: path, copy, ...below });
      await save();
    },
    async moveAside(path) {
      const to = `${path}.${randomBytes(4).toString('hex')}.replaced`;
      await rename(path, to);
      record.changes.push({ moved: path, to });
    },
    async noteMode(path) {
      const { mode, uid, gid } = await lstat(path);
      record.changes.push({ mended: path, mode: mode & 0o7777, uid, gid });
    },
    addRepair: (id) => void record.repairs.push(id),
    save,
    async restore() {
      await putBack(record);
      await removeBackup(dir);
    },
  };
}

/** The last run of repairs that can be undone, or `null`. */
export async function findBackup(
  runtimeRoot: string,
): Promise<{ dir: string; at: string; repairs: readonly string[] } | null> {
  const found = await readNewest(runtimeRoot);
  return found && { dir: found.dir, at: found.record.at, repairs: found.record.repairs };
}

/** Undoes the last run of repairs. Requires write access. @throws SetupError when there is none. */
export async function restoreBackup(runtimeRoot: string): Promise<{ repairs: readonly string[] }> {
  const found = await readNewest(runtimeRoot);
  if (found === null) {
    throw new SetupError('There is no repair to undo.', {
      failureClass: 'conflict',
      evidence: [`looked in ${backupsDir(runtimeRoot)}`],
      remedies: [
        otherRemedy('Go back to the environment before the last install', {
          argv: ['ktx', 'admin', 'runtime', 'undo'],
        }),
      ],
    });
  }
  await putBack(found.record);
  await removeBackup(found.dir);
  return { repairs: found.record.repairs };
}

/** Removes all other backups: a run of repairs can be undone until the next one. */
export async function removeOtherBackups(runtimeRoot: string, keepDir: string | null): Promise<void> {
  for (const dir of await backupFolders(runtimeRoot)) if (dir !== keepDir) await removeBackup(dir);
}

export async function backupFolders(runtimeRoot: string): Promise<string[]> {
  const folder = backupsDir(runtimeRoot);
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => BACKUP_ID.test(name)).map((name) => join(folder, name));
}

function backupsDir(runtimeRoot: string): string {
  return join(sharedLayout(runtimeRoot).root, 'backups');
}

async function removeBackup(dir: string): Promise<void> {
  // It may be gone together with the folders that the repair created.
  await rm(dir, { recursive: true, force: true, maxRetries: 3 }).catch(absentAsNull);
  // Fails, as intended, when another backup is in it.
  await rmdir(dirname(dir)).catch(() => {});
}

async function readNewest(runtimeRoot: string): Promise<{ dir: string; record: BackupRecord } | null> {
  let newest: { dir: string; record: BackupRecord } | null = null;
  for (const dir of await backupFolders(runtimeRoot)) {
    try {
      const text = await readRegularText(join(dir, RECORD), { maxBytes: MAX_RECORD_BYTES });
      const record = recordSchema.parse(JSON.parse(text));
      if (newest === null || record.at > newest.record.at) newest = { dir, record };
    } catch {
      // A run that was killed before it changed anything.
    }
  }
  return newest;
}

async function putBack({ changes }: BackupRecord): Promise<void> {
  for (const change of [...changes].reverse()) {
    if ('kept' in change) {
      const isMountPoint = await removeBut(change.kept);
      if (change.copy !== null) {
        await makeFolder(dirname(change.kept));
        if (isMountPoint) await moveContent(change.copy, change.kept);
        else await moveTree(change.copy, change.kept);
      } else if (change.below !== undefined) {
        await removeEmptyFolders(dirname(change.kept), change.below);
      }
    } else if ('moved' in change) {
      await rm(change.moved, { recursive: true, force: true, maxRetries: 3 });
      await rename(change.to, change.moved);
    } else {
      await restoreMode(change);
    }
  }
}

/** @returns whether the folder remains, emptied, because it is a mount point. */
async function removeBut(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
    return false;
  } catch (error) {
    if (errorCode(error) !== 'EBUSY') throw error;
    for (const name of await readdir(path))
      await rm(join(path, name), { recursive: true, force: true, maxRetries: 3 });
    return true;
  }
}

async function moveContent(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) await moveTree(join(from, name), join(to, name));
}

async function nearestFolder(path: string): Promise<string> {
  const isThere = (await lstat(path).catch(absentAsNull)) !== null;
  return isThere || dirname(path) === path ? path : nearestFolder(dirname(path));
}

/** Removes empty folders upwards as far as `below`; folders with other content, such as downloads, stay. */
async function removeEmptyFolders(path: string, below: string): Promise<void> {
  if (path === below || !path.startsWith(below)) return;
  const isGone = await rmdir(path).then(
    () => true,
    (error: unknown) => isAbsence(error),
  );
  if (isGone) await removeEmptyFolders(dirname(path), below);
}

async function restoreMode({
  mended,
  mode,
  uid,
  gid,
}: {
  mended: string;
  mode: number;
  uid: number;
  gid: number;
}) {
  const status = await lstat(mended).catch(absentAsNull);
  if (status === null) return;
  if (status.uid !== uid || status.gid !== gid) await lchown(mended, uid, gid);
  if (!status.isSymbolicLink()) await chmod(mended, mode);
}

async function moveTree(from: string, to: string): Promise<void> {
  await rename(from, to).catch(async (error: unknown) => {
    if (errorCode(error) !== 'EXDEV') throw error;
    await keepTree(from, to);
  });
}
