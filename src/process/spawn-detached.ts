import { type ChildProcess, spawn } from 'node:child_process';
import { errorMessage } from '../support/errors.ts';
import { endingText } from './ending.ts';

export interface DetachedSpawnOptions {
  detached: true;
  /** No stdin; stdout and stderr go to open file descriptors, since nobody reads pipes once this process is gone. */
  stdio: ['ignore', number, number];
  env: NodeJS.ProcessEnv;
}

export interface DetachedChild {
  /** `undefined` when the program could not be started. */
  pid?: number;
  /** Lets this process end while the child goes on. */
  unref(): void;
  /** In words how it ended, or why it did not start: `ended with exit code 1`. Never rejects. */
  ended: Promise<string>;
}

/**
 * Starts a process in a session of its own that outlives this one. Never throws: a missing or unusable program shows
 * as a child without a pid.
 */
export function spawnDetached(
  command: string,
  args: readonly string[],
  options: DetachedSpawnOptions,
): DetachedChild {
  let child: ChildProcess;
  try {
    child = spawn(command, args, { ...options, windowsHide: true });
  } catch (error) {
    // Node reports some errors by an event (ENOENT, EACCES) and throws the others (ENOTDIR, E2BIG).
    return { unref: () => {}, ended: Promise.resolve(notStarted(error)) };
  }
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve(endingText(exitCode, signal)));
    // Stays for the whole life: an 'error' event without a listener ends this process.
    child.on('error', (error) => resolve(notStarted(error)));
  });
  return { pid: child.pid, unref: () => child.unref(), ended };
}

function notStarted(error: unknown): string {
  return `could not be started: ${errorMessage(error)}`;
}
