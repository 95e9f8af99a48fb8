import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { errorMessage, isAbsence, SetupError } from '../errors.ts';
import { OTHER_ROOT, otherRemedy } from '../remedies.ts';

/** A lock of the operating system: it ends with the process that has it, however that ends, and with nothing else. */
export interface FileLock {
  readonly path: string;
  /** `false`: this file system grants the same lock twice, so it keeps nobody out. */
  readonly isExclusive: boolean;
  release(): void;
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_IOERR = 10;
const SQLITE_CANTOPEN = 14;

/**
 * Takes the lock, or says with `null` that somebody has it: another process, or this one. The file
 * stays empty and must be opened by nothing else: POSIX drops a process' locks when it closes any descriptor of the file.
 * @param vfs of SQLite, for tests: `unix-none` behaves as a file system without locks.
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

/** SQLite is what Node has for locks of the system: `BEGIN EXCLUSIVE` holds one and writes nothing. */
function openExclusive(path: string, vfs: string | undefined): DatabaseSync | 'held' | 'unsupported' {
  const Database = loadSqlite();
  const url = pathToFileURL(path);
  if (vfs) url.searchParams.set('vfs', vfs);
  let database: DatabaseSync | null = null;
  const folder = identityOf(dirname(path));
  try {
    database = new Database(url, { timeout: 0 });
    const opened = identityOf(path);
    // Without this a journal file would appear beside it.
    database.exec('PRAGMA journal_mode=MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    // Whoever uninstalled everything has deleted the file meanwhile: what we hold keeps nobody out.
    if (opened !== null && opened === identityOf(path)) return database;
    database.close();
    return 'held';
  } catch (error) {
    database?.close();
    const { errcode } = error as { errcode?: number };
    const primary = (errcode ?? 0) & 0xff;
    // An uninstall that has just ended deleted its folder, and another run may have made it anew: it was held until now.
    const isFolderGone = folder === null || identityOf(dirname(path)) !== folder;
    if (primary === SQLITE_CANTOPEN && isFolderGone) return 'held';
    if (primary === SQLITE_BUSY || primary === SQLITE_LOCKED) return 'held';
    if (primary === SQLITE_IOERR) return 'unsupported';
    throw cannotLock(path, error);
  }
}

/** A file that is deleted and made again is another file, although its name and even its inode are the same. */
function identityOf(path: string): string | null {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  return status ? `${status.dev}:${status.ino}:${status.birthtimeNs}` : null;
}

/** SQLite opens a file that it may not write for reading, and then holds nothing. */
function assertWritable(path: string): void {
  // SQLite would follow a link, and make and lock what it leads to.
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status && !status.isFile()) throw cannotLock(path, new Error('it is not a regular file'));
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    // It is made by opening it.
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

/** Loaded when a lock is taken, and without the warning that some versions of Node print for it. */
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
