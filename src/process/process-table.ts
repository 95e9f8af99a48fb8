import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A running process. Zombies are excluded: they run nothing and hold nothing. */
export interface ProcessEntry {
  pid: number;
  parentPid: number;
  /** Opaque start time, only for comparison: tells a process from a later one that reuses its pid. */
  start: string;
}

/**
 * All visible processes. Synchronous, because it is also used while this process exits. Linux reads `/proc`
 * (`proc_pid_stat(5)`; slim images have no `ps`), other systems run `ps`. Empty on Windows.
 */
export function readProcessTable(platform: NodeJS.Platform = process.platform): ProcessEntry[] {
  if (platform === 'win32') return [];
  if (platform === 'linux') {
    return listedPids().flatMap((pid) => parseProcStat(readTextOrEmpty(`/proc/${pid}/stat`)) ?? []);
  }
  const { stdout } = spawnSync('ps', ['-axo', 'pid=,ppid=,stat=,lstart='], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  return (stdout ?? '').split('\n').flatMap((line) => parsePsLine(line) ?? []);
}

/**
 * Whether a table reflects this system's processes. Without `/proc` (a bare chroot, an image build) or `ps`
 * it is empty, which proves nothing; a `/proc` of another PID namespace shows other processes under the same
 * numbers.
 */
export function showsProcesses(table: readonly ProcessEntry[]): boolean {
  if (process.platform === 'linux') return canSeeProcesses();
  return table.some(({ pid }) => pid === process.pid);
}

/** Whether this system's processes are visible. On Windows other programs list them. */
export function canSeeProcesses(): boolean {
  if (process.platform === 'win32') return true;
  if (process.platform !== 'linux') return readProcessStart(process.pid) !== null;
  try {
    return readlinkSync('/proc/self') === String(process.pid);
  } catch {
    return false;
  }
}

/**
 * The start time of a process, or `null` when it is not running. Journals compare it before they end a
 * recorded pid.
 */
export function readProcessStart(pid: number): string | null {
  if (process.platform === 'linux') return parseProcStat(readTextOrEmpty(`/proc/${pid}/stat`))?.start ?? null;
  return readProcessTable().find((entry) => entry.pid === pid)?.start ?? null;
}

/** Processes whose environment contains `NAME=value`, and those without a readable one. */
export interface MarkedProcesses {
  pids: readonly number[];
  /** Threads of the kernel, zombies, other users' processes, and one that has just ended or replaced its program. */
  unread: readonly number[];
}

/** Pids whose environment contains `NAME=value`. Linux only; empty elsewhere. */
export function findPidsByEnvironment(assignment: string): readonly number[] {
  return findByEnvironment(assignment).pids;
}

/** Searches the environments of all visible processes. Linux only; finds none elsewhere. */
export function findByEnvironment(assignment: string): MarkedProcesses {
  const pids: number[] = [];
  const unread: number[] = [];
  for (const pid of process.platform === 'linux' ? listedPids() : []) {
    const environment = readTextOrEmpty(`/proc/${pid}/environ`);
    if (environment === '') unread.push(pid);
    else if (`\0${environment}`.includes(`\0${assignment}\0`)) pids.push(pid);
  }
  return { pids, unread };
}

/** A variable from a process's initial environment, or `null`. Linux only; `null` elsewhere. */
export function readProcessVariable(pid: number, name: string): string | null {
  if (process.platform !== 'linux') return null;
  const assignments = readTextOrEmpty(`/proc/${pid}/environ`).split('\0');
  return assignments.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
}

/** `/proc/<pid>/stat`: `pid (name) state ppid … starttime …`. The name may contain spaces and parentheses. */
export function parseProcStat(text: string): ProcessEntry | null {
  const nameEnd = text.lastIndexOf(')');
  if (nameEnd < 0) return null;
  const fields = text.slice(nameEnd + 2).split(' ');
  const [state, parentPid] = fields;
  const start = fields[19];
  if (state === 'Z' || state === 'X' || start === undefined) return null;
  return { pid: Number.parseInt(text, 10), parentPid: Number(parentPid), start };
}

/** A line of `ps -o pid=,ppid=,stat=,lstart=`. */
export function parsePsLine(line: string): ProcessEntry | null {
  const match = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*\S)\s*$/.exec(line);
  if (!match || match[3]!.startsWith('Z')) return null;
  return { pid: Number(match[1]), parentPid: Number(match[2]), start: match[4]! };
}

/** Those roots that are in the table, and all their descendants. */
export function withDescendants(table: readonly ProcessEntry[], rootPids: Iterable<number>): ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  const found = new Map<number, ProcessEntry>();
  const roots = new Set(rootPids);
  for (const entry of table) {
    if (roots.has(entry.pid)) found.set(entry.pid, entry);
    const siblings = children.get(entry.parentPid);
    if (siblings) siblings.push(entry);
    else children.set(entry.parentPid, [entry]);
  }
  // A Map may grow while it is iterated: each entry adds its children.
  for (const pid of found.keys()) {
    for (const child of children.get(pid) ?? []) found.set(child.pid, child);
  }
  return [...found.values()];
}

/** Every pid that `/proc` lists, zombies included. Empty where there is none. */
export function listedPids(): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Processes that have ended, or that we may not read, are skipped. */
function readTextOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
