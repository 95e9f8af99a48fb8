import { setTimeout as delay } from 'node:timers/promises';
import { isProcessAlive, listProcesses } from '../process/list-processes.ts';
import { isOfLivingRun } from '../runtime/journal.ts';
import { errorMessage, SetupError } from '../support/errors.ts';
import { parseDaemonCommand } from './command.ts';
import { answersHealthy } from './http/health.ts';
import { type ManagedPythonDaemonLayoutOptions, managedPythonDaemonLayout } from './layout.ts';
import { type DaemonStateRead, daemonBaseUrl, readDaemonState, removeDaemonState } from './state.ts';
import { probeDaemon } from './status.ts';
import { type DaemonProcessControls, isRecordedProcessOurs, killIfThere } from './stop.ts';

export interface ManagedPythonDaemonProcessInfo {
  pid: number;
  command: string;
}

export interface ManagedPythonDaemonStopAllEntry {
  pid: number;
  source: 'state' | 'process';
  url?: string;
  /** Its answer before it was stopped; informational only. */
  health?: 'healthy' | 'unreachable';
  version?: string;
  command?: string;
  statePaths: string[];
}

export interface ManagedPythonDaemonStopAllFailure extends ManagedPythonDaemonStopAllEntry {
  detail: string;
}

export interface ManagedPythonDaemonStopAllResult {
  stopped: ManagedPythonDaemonStopAllEntry[];
  /** Recorded, but not running. */
  stale: ManagedPythonDaemonStopAllEntry[];
  failed: ManagedPythonDaemonStopAllFailure[];
  /** Why the list of processes could not be read. */
  scanErrors: string[];
}

export interface ManagedPythonDaemonStopAllOptions
  extends ManagedPythonDaemonLayoutOptions,
    DaemonProcessControls {
  listProcesses?: () => Promise<ManagedPythonDaemonProcessInfo[]> | ManagedPythonDaemonProcessInfo[];
  /** How long to wait after SIGTERM, and again after SIGKILL. */
  stopGraceMs?: number;
  pollIntervalMs?: number;
  healthProbeMs?: number;
}

interface Candidate {
  entry: ManagedPythonDaemonStopAllEntry;
  /** Set when a state file names it. */
  read?: Extract<DaemonStateRead, { kind: 'valid' }>;
  isInScan: boolean;
}

/**
 * Stops this project's daemon and every ktx daemon on the machine, one at a time by pid: SIGTERM, then
 * SIGKILL. One that cannot be stopped, or belongs to another user, does not hold up the rest.
 */
export async function stopAllManagedPythonDaemons(
  options: ManagedPythonDaemonStopAllOptions,
): Promise<ManagedPythonDaemonStopAllResult> {
  const result: ManagedPythonDaemonStopAllResult = { stopped: [], stale: [], failed: [], scanErrors: [] };
  for (const candidate of await findCandidates(options, result.scanErrors)) {
    const { entry } = candidate;
    if (entry.url !== undefined) {
      const isHealthy = await answersHealthy(entry.url, options.healthProbeMs ?? 100);
      entry.health = isHealthy ? 'healthy' : 'unreachable';
    }
    try {
      const outcome = await endCandidate(candidate, options);
      if (outcome === 'resists') {
        result.failed.push({ ...entry, detail: 'Process still running after SIGKILL' });
        continue;
      }
      for (const path of entry.statePaths) await removeDaemonState(path, candidate.read ?? { kind: 'none' });
      result[outcome].push(entry);
    } catch (error) {
      result.failed.push({ ...entry, detail: errorMessage(error) });
    }
  }
  return result;
}

async function findCandidates(
  options: ManagedPythonDaemonStopAllOptions,
  scanErrors: string[],
): Promise<Candidate[]> {
  const candidates = new Map<number, Candidate>();
  const { daemonStatePath } = managedPythonDaemonLayout(options);
  const read = await readDaemonState(daemonStatePath);
  if (read.kind === 'valid') {
    const { pid, version } = read.state;
    const url = daemonBaseUrl(read.state);
    const entry = { pid, source: 'state' as const, url, version, statePaths: [daemonStatePath] };
    candidates.set(pid, { entry, read, isInScan: false });
  }
  const processes = await scan(options, scanErrors);
  for (const { pid, command } of processes) {
    const daemon = parseDaemonCommand(command);
    // The daemon of a proof ends with its setup.
    if (daemon === null || isOfLivingRun(pid)) continue;
    const recorded = candidates.get(pid);
    if (recorded) {
      recorded.isInScan = true;
      recorded.entry.command = command;
    } else {
      const entry = { pid, source: 'process' as const, url: daemonBaseUrl(daemon), command, statePaths: [] };
      candidates.set(pid, { entry, isInScan: true });
    }
  }
  return [...candidates.values()].sort((a, b) => a.entry.pid - b.entry.pid);
}

async function scan(
  options: ManagedPythonDaemonStopAllOptions,
  scanErrors: string[],
): Promise<ManagedPythonDaemonProcessInfo[]> {
  try {
    return await (options.listProcesses ?? listProcesses)();
  } catch (error) {
    scanErrors.push(errorMessage(error));
    return [];
  }
}

async function endCandidate(
  candidate: Candidate,
  options: ManagedPythonDaemonStopAllOptions,
): Promise<'stopped' | 'stale' | 'resists'> {
  const { pid } = candidate.entry;
  const { processAlive = isProcessAlive, killProcess = killIfThere } = options;
  const { stopGraceMs = 500, pollIntervalMs = 50 } = options;
  const isThere =
    candidate.read && !candidate.isInScan
      ? await isRecordedProcessOurs(managedPythonDaemonLayout(options), candidate.read.state, options)
      : await processAlive(pid);
  if (!isThere) {
    await assertNotElsewhere(candidate, options);
    return 'stale';
  }
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await killProcess(pid, signal);
    const deadline = performance.now() + stopGraceMs;
    do {
      if (!(await processAlive(pid))) return 'stopped';
      await delay(pollIntervalMs);
    } while (performance.now() < deadline);
    if (!(await processAlive(pid))) return 'stopped';
  }
  return 'resists';
}

/**
 * A daemon in another container, or on the host, has a different pid here or none, but still answers. Its
 * record is kept.
 * @throws SetupError when the recorded daemon proves its identity.
 */
async function assertNotElsewhere(
  { read, entry }: Candidate,
  options: ManagedPythonDaemonStopAllOptions,
): Promise<void> {
  if (!read || entry.health !== 'healthy' || options.processAlive || options.listProcesses) return;
  const layout = managedPythonDaemonLayout(options);
  if ((await probeDaemon(layout, read.state, options)) !== null) return;
  throw new SetupError(
    'The daemon answers, but its process is not visible here: another container runs it, or the host does',
    { failureClass: 'conflict', evidence: [layout.daemonStatePath] },
  );
}
