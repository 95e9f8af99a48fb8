import { isProcessAlive } from '../process/list-processes.ts';
import { canSeeProcesses } from '../process/process-table.ts';
import { errorCode, SetupError } from '../support/errors.ts';
import { isRecordedDaemon } from './command.ts';
import {
  type ManagedPythonDaemonLayout,
  type ManagedPythonDaemonLayoutOptions,
  managedPythonDaemonLayout,
} from './layout.ts';
import { type DaemonPlace, isOfAnotherProject } from './project.ts';
import {
  assertNotNewer,
  type ManagedPythonDaemonState,
  readDaemonState,
  removeDaemonState,
} from './state.ts';

/**
 * Replaceable process checks and signals. With either one injected, the process behind a pid is not verified.
 */
export interface DaemonProcessControls {
  processAlive?: (pid: number) => boolean | Promise<boolean>;
  /** Default signal: SIGTERM. */
  killProcess?: (pid: number, signal?: NodeJS.Signals) => unknown;
}

export interface ManagedPythonDaemonStopResult {
  status: 'stopped' | 'already-stopped';
  layout: ManagedPythonDaemonLayout;
  state?: ManagedPythonDaemonState;
  /**
   * False when only the record was removed: the process had ended, or is not this project's daemon. Absent
   * otherwise.
   */
  wasRunning?: boolean;
}

export interface ManagedPythonDaemonStopOptions
  extends ManagedPythonDaemonLayoutOptions,
    DaemonProcessControls {}

/**
 * Sends SIGTERM to this project's daemon, without waiting for its end, and removes its record. A recorded pid
 * that now belongs to another process is not signalled.
 * @throws SetupError when the state file is invalid; nothing is changed then.
 */
export async function stopManagedPythonDaemon(
  options: ManagedPythonDaemonStopOptions,
): Promise<ManagedPythonDaemonStopResult> {
  const { processAlive, killProcess, ...layoutOptions } = options;
  const layout = managedPythonDaemonLayout(layoutOptions);
  const path = layout.daemonStatePath;
  const read = await readDaemonState(path);
  if (read.kind === 'none') return { status: 'already-stopped', layout };
  await assertNotNewer(read, processAlive ?? isProcessAlive);
  if (read.kind === 'invalid') {
    throw new SetupError(
      `Daemon state is invalid: ${read.reason}. It is not known which process to stop. ` +
        `Delete ${path}; a daemon that still runs is found by: ktx admin runtime stop --all`,
      { failureClass: 'conflict', evidence: [path] },
    );
  }
  const wasRunning = await endRecordedDaemon(layout, read.state, { processAlive, killProcess });
  await removeDaemonState(path, read);
  return { status: 'stopped', layout, state: read.state, ...(!wasRunning && { wasRunning }) };
}

/** Sends SIGTERM to a recorded daemon if it is alive and this project's. @returns whether it was. */
export async function endRecordedDaemon(
  layout: DaemonPlace,
  state: ManagedPythonDaemonState,
  controls: DaemonProcessControls,
): Promise<boolean> {
  const isOurs = await isRecordedProcessOurs(layout, state, controls);
  if (isOurs) await (controls.killProcess ?? killIfThere)(state.pid);
  return isOurs;
}

/**
 * Whether a recorded pid may be signalled: alive and, unless the caller replaced the process check, a ktx
 * daemon of this project.
 * @throws SetupError when it is alive but cannot be identified (no `/proc`): neither "stopped" nor "not ours"
 * would be true.
 */
export async function isRecordedProcessOurs(
  layout: DaemonPlace,
  state: ManagedPythonDaemonState,
  { processAlive, killProcess }: DaemonProcessControls,
): Promise<boolean> {
  if (!(await (processAlive ?? isProcessAlive)(state.pid))) return false;
  if (processAlive !== undefined || killProcess !== undefined) return true;
  if (!canSeeProcesses()) throw unseenProcess(state.pid);
  return (await isRecordedDaemon(state)) && !(await isOfAnotherProject(layout, state));
}

function unseenProcess(pid: number): SetupError {
  const isLinux = process.platform === 'linux';
  const why = isLinux ? '/proc is not mounted, or is that of another PID namespace' : 'ps does not run';
  const ways = `${isLinux ? 'Mount /proc and run the command again' : 'Run the command where ps works'}, or, if it is the daemon: kill ${pid}`;
  return new SetupError(
    `Process ${pid} runs, but ktx cannot see whether it is the daemon: ${why}. It was not stopped. ${ways}`,
    { failureClass: 'platform' },
  );
}

/** Signals a process; one that has already ended is fine. @throws SetupError for another user's process. */
export function killIfThere(pid: number, signal: NodeJS.Signals = 'SIGTERM'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return;
    if (errorCode(error) !== 'EPERM') throw error;
    throw new SetupError(`Process ${pid} belongs to another user and cannot be stopped`, {
      failureClass: 'permission',
      cause: error,
    });
  }
}
