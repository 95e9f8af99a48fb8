import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CancelledError, errorMessage, SetupError, throwIfCancelled } from '../support/errors.ts';
import { type FileLock, tryFileLock } from '../support/fs/file-lock.ts';
import { otherRemedy } from '../support/remedies.ts';

const POLL_INTERVAL_MS = 100;
/**
 * Backup names have a resolution of one second, and a second backup with the same name would overwrite the
 * first.
 */
const MIN_DISTANCE_MS = 1000;

export interface HostLockOptions {
  homeDir: string;
  host: string;
  /** Called once if another ktx holds the lock. */
  onWait?: () => void;
  signal?: AbortSignal;
}

/**
 * Serialises changes to a host, for this user on this machine, and gives each its own timestamp, at least a
 * second after the previous one, even if that one was killed.
 * @throws CancelledError; SetupError when the lock cannot be created.
 */
export async function withHostLock<T>(options: HostLockOptions, work: (now: Date) => Promise<T>): Promise<T> {
  const path = lockPath(options);
  const lock = await takeLock(path, options);
  try {
    if (!lock.isNew) await waitForNextSecond(path, options.signal);
    const now = new Date();
    await utimes(path, now, now);
    return await work(now);
  } finally {
    lock.release();
  }
}

/**
 * The lock file's mtime is the time of the last change. The wait is bounded, in case the clock was set back.
 */
async function waitForNextSecond(path: string, signal: AbortSignal | undefined): Promise<void> {
  const { mtimeMs } = await stat(path);
  const waitMs = Math.min(MIN_DISTANCE_MS, mtimeMs + MIN_DISTANCE_MS - Date.now());
  if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(cancelled);
}

function lockPath({ homeDir, host }: HostLockOptions): string {
  const name = createHash('sha256').update(host.toLowerCase()).digest('hex').slice(0, 16);
  return join(homeDir, '.ktx', 'locks', `model-host-${name}.lock`);
}

async function takeLock(
  path: string,
  { onWait, signal }: HostLockOptions,
): Promise<FileLock & { isNew: boolean }> {
  try {
    await mkdir(join(path, '..'), { recursive: true });
    for (let attempt = 0; ; attempt++) {
      throwIfCancelled(signal);
      // Checked before taking the lock: a new lock file has the current time, although there was no change.
      const isNew = !existsSync(path);
      const lock = tryFileLock(path);
      if (lock) return { ...lock, isNew };
      if (attempt === 0) onWait?.();
      await delay(POLL_INTERVAL_MS, undefined, { signal }).catch(cancelled);
    }
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    throw new SetupError(`The lock for changes of a model host cannot be used: ${path}`, {
      failureClass: 'permission',
      evidence: [errorMessage(error)],
      remedies: [otherRemedy('Make the file and its folder writable for this user')],
      cause: error,
    });
  }
}

function cancelled(): never {
  throw new CancelledError();
}
