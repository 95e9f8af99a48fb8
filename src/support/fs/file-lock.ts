import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { errorMessage, isAbsence, SetupError } from '../errors.ts';
import { OTHER_ROOT, otherRemedy } from '../remedies.ts';

/** An operating system lock: held until it is released or its process ends, however that happens. */
export interface FileLock {
  readonly path: string;
  /** `false`: the file system grants the same lock twice, so it excludes nobody. */
  readonly isExclusive: boolean;
  release(): void;
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_IOERR = 10;
const SQLITE_CANTOPEN = 14;

/**
 * Tries to take the lock; `null` when another process, or this one, holds it. The file stays empty and
 * nothing else may open it: POSIX drops a process's locks when it closes any descriptor of the file.
 * @param vfs of SQLite, for tests: `unix-none` behaves like a file system without locks.
 * @throws SetupError when the file cannot be written or is not a lock file.
 */
export function tryFileLock(path: string, options: { vfs?: string } = {}): FileLock | null {
  assertWritable(path);
  const open = () => openExclusive(path, options.vfs);
  const first = open();
  if (first === 'held') return null;
  if (first === 'unsupported') return { path, isExclusive: false, release() {} };
  try {
    const second = open();
    if (second !== 'held' && second !== 'unsupported') second.close();
    return { path, isExclusive: second === 'held', release: () => first.close() };
  } catch (error) {
    first.close();
    throw error;
  }
}

/** Node offers system locks only through SQLite: `BEGIN EXCLUSIVE` takes one and writes nothing. */
function openExclusive(path: string, vfs: string | undefined): DatabaseSync | 'held' | 'unsupported' {
  const Database = loadSqlite();
  const url = pathToFileURL(path);
  if (vfs) url.searchParams.set('vfs', vfs);
  let database: DatabaseSync | null = null;
  const folder = identityOf(dirname(path));
  try {
    database = new Database(url, { timeout: 0 });
    const opened = identityOf(path);
    // Otherwise a journal file would be created beside it.
    database.exec('PRAGMA journal_mode=MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    // If an uninstall deleted the file meanwhile, our lock on it excludes nobody.
    if (opened !== null && opened === identityOf(path)) return database;
    database.close();
    return 'held';
  } catch (error) {
    database?.close();
    const { errcode } = error as { errcode?: number };
    const primary = (errcode ?? 0) & 0xff;
    // An uninstall that has just ended deleted the folder, and another run may have recreated it: the lock
    // was held until now.
    const isFolderGone = folder === null || identityOf(dirname(path)) !== folder;
    if (primary === SQLITE_CANTOPEN && isFolderGone) return 'held';
    if (primary === SQLITE_BUSY || primary === SQLITE_LOCKED) return 'held';
    if (primary === SQLITE_IOERR) return 'unsupported';
    throw cannotLock(path, error);
  }
}

/** Includes the birth time: a deleted and recreated file can have the same name and even the same inode. */
function identityOf(path: string): string | null {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  return status ? `${status.dev}:${status.ino}:${status.birthtimeNs}` : null;
}

/** SQLite opens a file without write permission read-only, and then locks nothing. */
function assertWritable(path: string): void {
  // SQLite would follow a link, and create and lock its target.
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status && !status.isFile()) throw cannotLock(path, new Error('it is not a regular file'));
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    // Opening it creates it.
    if (!isAbsence(error)) throw cannotLock(path, error);
  }
}

function cannotLock(path: string, error: unknown): SetupError {
  return new SetupError(`The lock file cannot be used: ${path}`, {
    failureClass: 'permission',
    evidence: [errorMessage(error)],
    remedies: [
      otherRemedy(
        'Make the file and its folder writable for this user, or delete the file while no ktx runs',
      ),
      OTHER_ROOT,
    ],
    cause: error,
  });
}

/** Loaded on demand, without the warning that some versions of Node print. */
function loadSqlite(): typeof DatabaseSync {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    const sqlite = process.getBuiltinModule('node:sqlite');
    if (!sqlite) throw new Error(`node:sqlite is missing in this Node (${process.version})`);
    return sqlite.DatabaseSync;
  } finally {
    process.emitWarning = emitWarning;
  }
}
