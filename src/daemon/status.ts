import { isProcessAlive } from '../process/list-processes.ts';
import { canSeeProcesses } from '../process/process-table.ts';
import { isForeignWheel, readInstalledManifest } from '../runtime/manifest.ts';
import { isOwnRecordedDaemon } from './command.ts';
import { daemonHealthProblem, type ManagedPythonDaemonFetch } from './http/health.ts';
import {
  type ManagedPythonDaemonLayout,
  type ManagedPythonDaemonLayoutOptions,
  managedPythonDaemonLayout,
} from './layout.ts';
import { readDaemonSecret } from './secret.ts';
import {
  type DaemonStateRead,
  daemonBaseUrl,
  type ManagedPythonDaemonState,
  readDaemonState,
} from './state.ts';

export type ManagedPythonDaemonStatus =
  | { kind: 'stopped'; detail: string; layout: ManagedPythonDaemonLayout }
  | {
      kind: 'running';
      detail: string;
      layout: ManagedPythonDaemonLayout;
      state: ManagedPythonDaemonState;
      baseUrl: string;
    }
  | { kind: 'stale'; detail: string; layout: ManagedPythonDaemonLayout; state?: ManagedPythonDaemonState };

export interface ManagedPythonDaemonStatusOptions extends ManagedPythonDaemonLayoutOptions {
  fetch?: ManagedPythonDaemonFetch;
  processAlive?: (pid: number) => boolean | Promise<boolean>;
}

/** A slow answer from a busy daemon still counts. */
const HEALTH_TIMEOUT_MS = 10_000;

/** Whether this project's daemon is running and matches this CLI version. Reads only. */
export async function readManagedPythonDaemonStatus(
  options: ManagedPythonDaemonStatusOptions,
): Promise<ManagedPythonDaemonStatus> {
  return (await inspectDaemon(options)).status;
}

/**
 * Why texts must not be sent to a recorded daemon, or `null`: it must be healthy and prove that it was
 * started for this project by this user. No proof is requested when the caller replaced the transport or the
 * process check. Never rejects.
 */
export async function probeDaemon(
  layout: Pick<ManagedPythonDaemonLayout, 'runtimeRoot' | 'projectDir' | 'cliVersion' | 'manifestPath'>,
  state: ManagedPythonDaemonState,
  options: Pick<ManagedPythonDaemonStatusOptions, 'fetch' | 'processAlive'> & {
    timeoutMs?: number;
    signal?: AbortSignal;
  },
): Promise<string | null> {
  const { fetch, processAlive, timeoutMs = HEALTH_TIMEOUT_MS, signal } = options;
  const asked = { baseUrl: daemonBaseUrl(state), cliVersion: layout.cliVersion, timeoutMs, signal };
  if (fetch || processAlive) return daemonHealthProblem({ ...asked, fetch });
  const known = await readDaemonSecret(layout);
  if (known.kind === 'not kept') return daemonHealthProblem(asked);
  const isProofOptional = await isForeignAt(layout.manifestPath);
  if (known.kind === 'kept') return daemonHealthProblem({ ...asked, secret: known.secret, isProofOptional });
  if (isProofOptional) return daemonHealthProblem(asked);
  return (
    (await daemonHealthProblem(asked)) ??
    `The daemon at ${asked.baseUrl} cannot prove that it was started for this project`
  );
}

/** Only a runtime installed from our lock is known to be ours. */
async function isForeignAt(manifestPath: string): Promise<boolean> {
  const manifest = await readInstalledManifest(manifestPath).catch(() => null);
  return manifest !== null && isForeignWheel(manifest);
}

/** The status, and the file content it is based on. */
export async function inspectDaemon(
  options: ManagedPythonDaemonStatusOptions,
): Promise<{ status: ManagedPythonDaemonStatus; read: DaemonStateRead }> {
  const { fetch, processAlive = isProcessAlive, ...layoutOptions } = options;
  const layout = managedPythonDaemonLayout(layoutOptions);
  const { cliVersion } = options;
  const read = await readDaemonState(layout.daemonStatePath);
  if (read.kind === 'none') {
    const detail = `No daemon state at ${layout.daemonStatePath}`;
    return { read, status: { kind: 'stopped', detail, layout } };
  }
  if (read.kind === 'invalid') {
    return { read, status: { kind: 'stale', detail: `Daemon state is invalid: ${read.reason}`, layout } };
  }
  const { state } = read;
  const baseUrl = daemonBaseUrl(state);
  const problem =
    state.version !== cliVersion
      ? `Daemon is for CLI ${state.version}, current CLI is ${cliVersion}`
      : !(await processAlive(state.pid))
        ? `Daemon process ${state.pid} is not running`
        : options.processAlive === undefined && !(await isOwnRecordedDaemon(state))
          ? canSeeProcesses()
            ? `Process ${state.pid} is not a ktx daemon of this user at port ${state.port}`
            : `Process ${state.pid} runs, but processes cannot be seen here (is /proc mounted?)`
          : await probeDaemon(layout, state, options);
  if (problem !== null) return { read, status: { kind: 'stale', detail: problem, layout, state } };
  return {
    read,
    status: { kind: 'running', detail: `Daemon running at ${baseUrl}`, layout, state, baseUrl },
  };
}
