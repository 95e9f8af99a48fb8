import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync, mkdirSync, statSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sharedLayout } from '../core/layout.ts';
import { readProcessStart } from '../process/process-table.ts';
import { errorMessage, SetupError, throwIfCancelled } from '../support/errors.ts';
import { fileIdentity } from '../support/fs/file-identity.ts';
import { type FileLock, tryFileLock } from '../support/fs/file-lock.ts';
import { OTHER_ROOT, otherRemedy, otherRoot } from '../support/remedies.ts';
import { formatCount } from '../support/text/format.ts';
import { hasHolderFile, type LockHolder, readLiveHolder, removeHolder, writeHolder } from './lock-holder.ts';
import { assertTrustedFolders } from './trusted-folders.ts';

/** Sends a message to the person who runs the command. */
export type Note = (level: 'info' | 'warning', text: string) => void;

/** Exclusive write access to the runtime folder. */
export interface WriteAccess {
  /** Another process held a lock first. */
  readonly hasWaited: boolean;
  /**
   * Whether another process has held the locks since `readWriteMark` returned this mark, or held them then:
   * anything read since may be stale.
   */
  hasChangedSince(mark: string | null): boolean;
  /** What the holder is doing, shown to waiting processes. */
  setStep(step: string): void;
}

export interface WriteAccessOptions {
  runtimeRoot: string;
  /** Names of the version folders that change; each has its own lock. */
  versions: readonly string[];
  step: string;
  note: Note;
  signal?: AbortSignal;
  /** `false`: do not wait; resolve with `null` when a lock is taken. */
  shouldWait?: boolean;
  /** For tests; see `tryFileLock`. */
  vfs?: string;
}

/** The lock that everyone takes, whatever they change. */
const ROOT = 'root';
const POLL_INTERVAL_MS = 100;
/** SQLite's limit of 512, minus the final NUL and the `-journal` that it appends. */
const MAX_LOCK_PATH_BYTES = 503;
/** A holder writes its name within milliseconds. After this long, a lock without one is suspicious. */
const UNKNOWN_HOLDER_AFTER_MS = 5000;

/** The locks held by the current async context, so that nested calls do not wait for themselves. */
interface HeldAccess {
  locksDir: string;
  versions: readonly string[];
  access: WriteAccess;
  isOver: boolean;
}
const heldAccess = new AsyncLocalStorage<HeldAccess>();

/**
 * Runs an action with exclusive write access to the runtime folder. Takes the versions' locks in order, then
 * the lock of the shared folder. Waits for the current holder, says who it is, and stops waiting when the
 * signal fires. A nested call for the same folder reuses the locks.
 * @returns what the action returns; `null` with `shouldWait: false` when a lock is taken.
 * @throws CancelledError; SetupError when a lock file cannot be used.
 */
export async function withWriteAccess<T>(
  options: WriteAccessOptions,
  action: (access: WriteAccess) => Promise<T>,
): Promise<T>;
export async function withWriteAccess<T>(
  options: WriteAccessOptions & { shouldWait: boolean },
  action: (access: WriteAccess) => Promise<T>,
): Promise<T | null>;
export async function withWriteAccess<T>(
  options: WriteAccessOptions,
  action: (access: WriteAccess) => Promise<T>,
): Promise<T | null> {
  const held: FileLock[] = [];
  let startedAt = performance.now();
  let hasWaited = false;
  let markFound: string | null = null;
  let wasLeft = false;
  const { runtimeRoot, versions } = options;
  const { locksDir } = sharedLayout(runtimeRoot);
  const holding = heldAccess.getStore();
  if (holding?.locksDir === locksDir && !holding.isOver) {
    const isCovered = versions.every((version) => holding.versions.includes(version));
    // Taking another lock now would break the lock order and could deadlock.
    if (!isCovered) throw new Error(`no lock is held for ${versions.join(', ')}`);
    holding.access.setStep(options.step);
    return action(holding.access);
  }
  const versionDirs = versions.map((version) => join(runtimeRoot, version));
  for (const version of versions) assertLockablePath(runtimeRoot, version);
  const { groupShared, openAbove } = await assertTrustedFolders(runtimeRoot, versionDirs);
  if (groupShared !== null) options.note('warning', groupSharedText(groupShared));
  if (openAbove !== null) options.note('warning', openAboveText(openAbove));
  const self = {
    pid: process.pid,
    start: readProcessStart(process.pid),
    host: hostname(),
    since: new Date().toISOString(),
  };
  try {
    for (const name of lockNames(options.versions)) {
      const path = join(locksDir, `${name}.lock`);
      // Checked before `take`, which creates the file.
      const isFirst = !existsSync(path);
      const taken = await take(path, options, startedAt, () => {
        hasWaited = true;
      });
      startedAt = performance.now();
      if (taken === null) return null;
      held.push(taken);
      if (name === ROOT) {
        markFound = isFirst ? null : await readWriteMark(options.runtimeRoot);
        wasLeft = hasHolderFile(path);
      }
      mark(path);
      writeHolder(path, { ...self, step: options.step });
      if (!taken.isExclusive) options.note('warning', cannotLockText(locksDir));
    }
    const ownMark = await readWriteMark(runtimeRoot);
    const access: WriteAccess = {
      hasWaited,
      // A holder that was killed leaves its holder file and never updates the mark.
      hasChangedSince: (planned) => planned !== ownMark && (hasWaited || wasLeft || markFound !== planned),
      setStep: (step) => {
        for (const { path } of held) writeHolder(path, { ...self, step });
      },
    };
    const own = { locksDir, versions, access, isOver: false };
    try {
      return await heldAccess.run(own, () => action(access));
    } finally {
      own.isOver = true;
    }
  } finally {
    for (const lock of held.reverse()) {
      removeHolder(lock.path);
      mark(lock.path);
      lock.release();
    }
  }
}

/**
 * SQLite takes the locks; for a longer path it would only report that it cannot open the file.
 * @throws SetupError with both lengths, before anything is created.
 */
export function assertLockablePath(runtimeRoot: string, version: string): void {
  if (isLockablePath(runtimeRoot, version)) return;
  const path = lockPathOf(runtimeRoot, version);
  const sizeBytes = Buffer.byteLength(path);
  throw new SetupError(
    `The path of the runtime folder is ${formatCount(sizeBytes - MAX_LOCK_PATH_BYTES, 'byte')} too long: ${runtimeRoot}`,
    {
      failureClass: 'conflict',
      evidence: [`${path} has ${sizeBytes} bytes; a lock file's path has at most ${MAX_LOCK_PATH_BYTES}`],
      remedies: [otherRoot('Choose a shorter one')],
    },
  );
}

export function isLockablePath(runtimeRoot: string, version: string): boolean {
  return (
    process.platform === 'win32' || Buffer.byteLength(lockPathOf(runtimeRoot, version)) <= MAX_LOCK_PATH_BYTES
  );
}

function lockPathOf(runtimeRoot: string, version: string): string {
  return resolve(sharedLayout(runtimeRoot).locksDir, `${version}.lock`);
}

/**
 * Changes whenever a process takes or releases write access; `null` before the first. A caller that plans
 * without the locks reads it first, and then learns from `hasChangedSince` whether the plan still holds.
 */
export function readWriteMark(runtimeRoot: string): Promise<string | null> {
  return fileIdentity(join(sharedLayout(runtimeRoot).locksDir, `${ROOT}.lock`));
}

/** Touches the lock file. Its content stays empty, and it must not be opened. */
function mark(lockPath: string): void {
  const now = new Date();
  try {
    utimesSync(lockPath, now, now);
  } catch {
    // Deleted by an uninstall, or owned by another user; then only processes that had to wait notice the
    // change.
  }
}

/** Everyone takes the locks in this order; two orders could deadlock. */
function lockNames(versions: readonly string[]): string[] {
  return [...new Set(versions)].sort().concat(ROOT);
}

async function take(
  path: string,
  options: WriteAccessOptions,
  startedAt: number,
  onWait: () => void,
): Promise<FileLock | null> {
  let told = '';
  for (;;) {
    throwIfCancelled(options.signal);
    // Inside the loop, because an uninstall that holds the lock deletes the folder when it ends.
    makeFolder(dirname(path));
    const lock = tryFileLock(path, { vfs: options.vfs });
    if (lock || options.shouldWait === false) return lock;
    onWait();
    const holder = await readLiveHolder(path);
    const waitedMs = performance.now() - startedAt;
    const text = holder
      ? waitingText(holder)
      : waitedMs > UNKNOWN_HOLDER_AFTER_MS
        ? unknownHolderText(path)
        : '';
    if (text !== '' && text !== told) {
      told = text;
      options.note('info', text);
    }
    // An aborted delay rejects with Node's error; the loop throws ours.
    await delay(POLL_INTERVAL_MS, undefined, { signal: options.signal }).catch(() => {});
  }
}

function waitingText({ pid, host, since, step }: LockHolder): string {
  const where = host === hostname() ? '' : ` on ${host}`;
  return `Waiting for another ktx that changes the runtime: process ${pid}${where}, since ${since}, step ${step}. Ctrl+C stops waiting.`;
}

function unknownHolderText(path: string): string {
  return `Waiting: ${path} is locked, but by no process that can be seen here. It may run in another container or on another host; if none does, this file system cannot lock files, and --runtime-root <dir> can name a better one.`;
}

function groupSharedText(folder: string): string {
  return `Members of a group can write to ${folder} and change what the others run.`;
}

function openAboveText(folder: string): string {
  return `Every user of this machine can write to ${folder} and could replace the runtime folder.`;
}

function cannotLockText(locksDir: string): string {
  return `The file system of ${locksDir} cannot lock files: do not run two commands that change the runtime at once.`;
}

function makeFolder(path: string): void {
  try {
    makeEachFolder(path);
  } catch (error) {
    throw new SetupError(`The folder for lock files cannot be created: ${path}`, {
      failureClass: 'permission',
      evidence: [errorMessage(error)],
      remedies: [otherRemedy('Make the folder writable for this user'), OTHER_ROOT],
      cause: error,
    });
  }
}

/**
 * Node's own `recursive` never returns where creating a folder fails with ENOENT, as below `/proc`, and no
 * signal ends it.
 */
function makeEachFolder(path: string): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeEachFolder(parent);
  try {
    // Never world-writable, whatever the umask.
    mkdirSync(path, { mode: 0o775 });
  } catch (error) {
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
