import { type ChildProcess, spawn } from 'node:child_process';
import { errorMessage } from '../support/errors.ts';
import { endingText } from './ending.ts';

export interface DetachedSpawnOptions {
  detached: true;
  /**
   * No stdin; stdout and stderr go to open file descriptors, since pipes would have no reader once this
   * process is gone.
   */
  stdio: ['ignore', number, number];
  env: NodeJS.ProcessEnv;
}

export interface DetachedChild {
  /** `undefined` when the program could not be started. */
  pid?: number;
  /** Lets this process exit while the child continues. */
  unref(): void;
  /** How it ended or why it did not start: `ended with exit code 1`. Never rejects. */
  ended: Promise<string>;
}

/**
 * Starts a process in its own session, so that it outlives this one. Never throws: if the program is missing
 * or unusable, the child has no pid.
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
    // Node reports some errors by an event (ENOENT, EACCES) and throws others (ENOTDIR, E2BIG).
    return { unref: () => {}, ended: Promise.resolve(notStarted(error)) };
  }
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve(endingText(exitCode, signal)));
    // Never removed: an 'error' event without a listener would crash this process.
    child.on('error', (error) => resolve(notStarted(error)));
  });
  return { pid: child.pid, unref: () => child.unref(), ended };
}

function notStarted(error: unknown): string {
  return `could not be started: ${errorMessage(error)}`;
}
