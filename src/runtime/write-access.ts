import { AsyncLocalStorage } from 'node:async_hooks';
// biome-ignore lint/style/noRestrictedImports: makes new files only (wx), synchronously
import { existsSync, mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod/mini';
import { sharedLayout } from '../core/layout.ts';
import { readProcessStart } from '../process/process-table.ts';
import { errorMessage, SetupError, throwIfCancelled } from '../support/errors.ts';
import { jsonText } from '../support/fs/atomic-file.ts';
import { fileIdentity } from '../support/fs/file-identity.ts';
import { type FileLock, tryFileLock } from '../support/fs/file-lock.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { OTHER_ROOT, otherRemedy, otherRoot } from '../support/remedies.ts';
import { formatCount } from '../support/text/format.ts';
import { assertTrustedFolders } from './trusted-folders.ts';

/** How something is said to whoever runs the command. */
export type Note = (level: 'info' | 'warning', text: string) => void;

/** The right to change the runtime folder. */
export interface WriteAccess {
  /** Somebody else had it first. */
  readonly hasWaited: boolean;
  /** Whether somebody else has had it since `readWriteMark` gave this mark, or had it then: what was seen may have changed. */
  hasChangedSince(mark: string | null): boolean;
  /** What the holder is doing, for those who wait. */
  setStep(step: string): void;
}

export interface WriteAccessOptions {
  runtimeRoot: string;
  /** Names of the version folders that are changed, each with a lock of its own. */
  versions: readonly string[];
  step: string;
  note: Note;
  signal?: AbortSignal;
  /** `false`: do not wait, resolve with `null` when somebody has it. */
  shouldWait?: boolean;
  /** For tests; see `tryFileLock`. */
  vfs?: string;
}

/** The lock that all take, whatever they change. */
const ROOT = 'root';
const POLL_INTERVAL_MS = 100;
/** Of SQLite's 512, with a final NUL and room for the `-journal` that it appends. */
const MAX_LOCK_PATH_BYTES = 503;
const MAX_HOLDER_BYTES = 64 * 1024;
/** A holder writes its name within milliseconds; after this a lock that nobody put his name to is strange. */
const UNKNOWN_HOLDER_AFTER_MS = 5000;

/** `<lock>.holder.json`: who has a lock, for those who wait. The lock itself is the system's; this file decides nothing. */
const holderSchema = z.object({
  pid: z.int(),
  start: z.nullable(z.string()),
  host: z.string(),
  step: z.string(),
  /** ISO-8601 UTC. */
  since: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

/** What an action that holds the locks may begin inside: nobody waits for himself. */
interface HeldAccess {
  locksDir: string;
  versions: readonly string[];
  access: WriteAccess;
  isOver: boolean;
}
const heldAccess = new AsyncLocalStorage<HeldAccess>();

/**
 * Runs something that changes the runtime folder while nobody else can: the locks of the versions in their order, then the
 * lock of the shared folder. Waits for whoever has them, says for whom, and stops waiting when the signal fires. An action
 * that calls this again for the same folder keeps the locks that it has.
 * @returns what the action returns; `null` with `shouldWait: false` when somebody has a lock.
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
    // Taking more now would be against the order in which everybody takes them.
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
      // Taking it makes the file.
      const isFirst = !existsSync(path);
      const taken = await take(path, options, startedAt, () => {
        hasWaited = true;
      });
      startedAt = performance.now();
      if (taken === null) return null;
      held.push(taken);
      if (name === ROOT) {
        markFound = isFirst ? null : await readWriteMark(options.runtimeRoot);
        wasLeft = existsSync(holderPath(path));
      }
      mark(path);
      writeHolder(path, { ...self, step: options.step });
      if (!taken.isExclusive) options.note('warning', cannotLockText(locksDir));
    }
    const ownMark = await readWriteMark(runtimeRoot);
    const access: WriteAccess = {
      hasWaited,
      // Whoever was killed while he had it has left his name, and no mark of the end.
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
 * SQLite, which takes the locks, opens no longer path, and would only say that it cannot open it.
 * @throws SetupError with both lengths; nothing was made then.
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
 * Changes whenever somebody takes the right to change the runtime folder and when he gives it back; `null` before the first.
 * Who plans without it reads this first, and learns from `hasChangedSince` whether the plan still holds.
 */
export function readWriteMark(runtimeRoot: string): Promise<string | null> {
  return fileIdentity(join(sharedLayout(runtimeRoot).locksDir, `${ROOT}.lock`));
}

/** By its times: the lock file itself stays empty, and must not be opened. */
function mark(lockPath: string): void {
  const now = new Date();
  try {
    utimesSync(lockPath, now, now);
  } catch {
    // An uninstall has deleted it; or another user owns it, and then only who waits notices somebody else.
  }
}

/** The order in which everybody takes them; two orders would wait for each other. */
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
    // In the loop: who we wait for may be an uninstall, which deletes it at its end.
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
    // An aborted delay rejects with its own error; the loop throws ours.
    await delay(POLL_INTERVAL_MS, undefined, { signal: options.signal }).catch(() => {});
  }
}

function waitingText({ pid, host, since, step }: Holder): string {
  const where = host === hostname() ? '' : ` on ${host}`;
  return `Waiting for another ktx that changes the runtime: process ${pid}${where}, since ${since}, step ${step}. Ctrl+C stops waiting.`;
}

function unknownHolderText(path: string): string {
  return `Waiting: ${path} is locked, but by no process that can be seen here. It may run in another container or on another host; if none does, this file system cannot lock files, and --runtime-root <dir> can name a better one.`;
}

function groupSharedText(folder: string): string {
  return `The members of a group can write to ${folder}: each of them can change what the others run.`;
}

function openAboveText(folder: string): string {
  return `Every user of this machine can write to ${folder}, and could put another folder in the place of the runtime's.`;
}

function cannotLockText(locksDir: string): string {
  return `The file system of ${locksDir} cannot lock files: do not run two commands that change the runtime at once.`;
}

/** Who has the lock, or `null` when nobody wrote his name or the name is that of a process that is gone. */
async function readLiveHolder(lockPath: string): Promise<Holder | null> {
  let holder: Holder;
  try {
    holder = holderSchema.parse(
      JSON.parse(await readRegularText(holderPath(lockPath), { maxBytes: MAX_HOLDER_BYTES })),
    );
  } catch {
    return null;
  }
  const isElsewhere = holder.host !== hostname();
  return isElsewhere || readProcessStart(holder.pid) === holder.start ? holder : null;
}

/** Names beside the locks, for a doctor: a name without a live process was left by one that was killed. Reads only. */
export async function readLockHolders(
  locksDir: string,
): Promise<(Holder & { path: string; isAlive: boolean })[]> {
  const names = await readdir(locksDir).catch(() => []);
  const holders = await Promise.all(
    names
      .filter((name) => name.endsWith('.lock.holder.json'))
      .map(async (name) => {
        const path = join(locksDir, name);
        const text = await readRegularText(path, { maxBytes: MAX_HOLDER_BYTES }).catch(() => '');
        try {
          const holder = holderSchema.parse(JSON.parse(text));
          const isElsewhere = holder.host !== hostname();
          return [{ ...holder, path, isAlive: isElsewhere || readProcessStart(holder.pid) === holder.start }];
        } catch {
          return [];
        }
      }),
  );
  return holders.flat();
}

function writeHolder(lockPath: string, holder: Holder): void {
  const path = holderPath(lockPath);
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true, recursive: true });
  try {
    // Never through what somebody put there.
    writeFileSync(temporary, jsonText(holder), { flag: 'wx' });
    renameSync(temporary, path);
  } catch {
    // A full disk keeps no name, and the lock holds without one.
    rmSync(temporary, { force: true });
  }
}

/** A name that stays is that of a process that has gone, or of one without the lock: it decides nothing. */
function removeHolder(lockPath: string): void {
  try {
    rmSync(holderPath(lockPath), { force: true });
  } catch {}
}

function holderPath(lockPath: string): string {
  return `${lockPath}.holder.json`;
}

function makeFolder(path: string): void {
  try {
    makeEachFolder(path);
  } catch (error) {
    throw new SetupError(`The folder of the locks cannot be made: ${path}`, {
      failureClass: 'permission',
      evidence: [errorMessage(error)],
      remedies: [otherRemedy('Make the folder writable for this user'), OTHER_ROOT],
      cause: error,
    });
  }
}

/** Node's own `recursive` never returns where a folder is refused with ENOENT, as below `/proc`, and no signal ends it. */
function makeEachFolder(path: string): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeEachFolder(parent);
  try {
    // Whatever the umask says, not for everybody.
    mkdirSync(path, { mode: 0o775 });
  } catch (error) {
    if (!isFolder(path)) throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
