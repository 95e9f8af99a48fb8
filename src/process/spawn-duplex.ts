import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { endAtExit } from './end-at-exit.ts';
import { killTree } from './kill-tree.ts';

export interface DuplexOptions {
  command: string;
  args: readonly string[];
  cwd?: string;
  /** Replaces the process environment entirely. `KTX_PROCESS_MARK` is added for the child. */
  env: NodeJS.ProcessEnv;
}

export interface ExitStatus {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

/**
 * A running child with open pipes. All its streams have error listeners: a broken pipe never crashes this
 * process.
 */
export interface DuplexChild {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the child has exited; output may still be in the pipes. */
  readonly exited: Promise<ExitStatus>;
  isRunning(): boolean;
  /** Signals the child alone. False when that failed, for instance because it has ended. */
  signal(signal: NodeJS.Signals): boolean;
  /** Signals the child and its process group. Does nothing once the child has ended. */
  signalGroup(signal: NodeJS.Signals): void;
  /** Ends processes that the exited child left behind. */
  endStrays(): Promise<void>;
}

/**
 * Starts a program with three pipes and no shell, in its own process group, so that a terminal's Ctrl+C does
 * not reach it. Whatever is left of it when this process exits is killed.
 * @throws the system's error when the program cannot be started.
 */
export async function spawnDuplex(options: DuplexOptions): Promise<DuplexChild> {
  const markValue = randomUUID();
  const mark = `KTX_PROCESS_MARK=${markValue}`;
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: { ...options.env, KTX_PROCESS_MARK: markValue },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  // Never removed: without a listener a late 'error' would crash this process.
  for (const emitter of [child, child.stdin, child.stdout, child.stderr]) emitter.on('error', () => {});
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  await once(child, 'spawn');
  const pid = child.pid!;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const release = endAtExit(() => ({ pid: isRunning() ? pid : null, mark }));
  return {
    pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    isRunning,
    signal: (signal) => sendSignal(child, signal),
    signalGroup: (signal) => {
      // The group id is the child's pid, which cannot be reused while the child is not reaped.
      if (!isRunning()) return;
      if (process.platform !== 'win32') signalProcessGroup(pid, signal);
      sendSignal(child, signal);
    },
    endStrays: async () => {
      if (process.platform !== 'win32' && process.platform !== 'linux') signalProcessGroup(pid, 'SIGKILL');
      await killTree({ pid: null, mark });
      release();
    },
  };
}

function sendSignal(child: ChildProcess, signal: NodeJS.Signals): boolean {
  try {
    return child.kill(signal);
  } catch {
    return false;
  }
}

function signalProcessGroup(pid: number, signal: NodeJS.Signals): void {
  // 0 means our own group and -1 every process.
  if (!Number.isInteger(pid) || pid <= 1) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone.
  }
}
