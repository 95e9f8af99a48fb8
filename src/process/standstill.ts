import { readFileSync } from 'node:fs';
import { findPidsByEnvironment, readProcessTable, withDescendants } from './process-table.ts';

export interface StandstillLimits {
  /** How long the tree may be idle, counting only time in which it could have run. */
  stillMs: number;
  /** Processor time of the whole tree above which it counts as an endless loop. */
  cpuMs: number;
  /** How often it is checked. */
  tickMs?: number;
}

/**
 * Limits on a child's own progress, not on wall-clock time in which it, this process or the machine was
 * suspended.
 */
export interface StandstillWatch {
  /** Fires when a limit is exceeded. */
  readonly signal: AbortSignal;
  /** The reason, once the signal has fired: `made no progress for 5 s`. */
  reason(): string | null;
  /** For `onSpawn` of `runProcess`. */
  start(pid: number, mark: string): void;
  stop(): void;
}

const TICK_MS = 250;
/** USER_HZ, the unit of `/proc` times on every Linux that Node supports. */
const MS_PER_JIFFY = 10;
/** Without `/proc` progress cannot be seen, so the limit is multiplied by this. */
const BLIND_FACTOR = 6;

/**
 * Watches a process tree. It makes progress while it uses or waits for the processor, reads, writes or starts
 * processes. Time in which the child is stopped (Ctrl+Z) is not counted, and a long tick (a swapping or
 * suspended machine) counts as one.
 */
export function watchStandstill(limits: StandstillLimits): StandstillWatch {
  const tickMs = limits.tickMs ?? TICK_MS;
  const controller = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let reason: string | null = null;

  const end = (text: string) => {
    stop();
    reason = text;
    controller.abort();
  };
  const stop = () => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  return {
    signal: controller.signal,
    reason: () => reason,
    stop,
    start(pid, mark) {
      const judge = createStandstillJudge({ ...limits, tickMs });
      timer = setInterval(() => {
        const text = judge(readTreeUse(pid, mark));
        if (text !== null) end(text);
      }, tickMs);
      timer.unref();
    },
  };
}

/** Resources that a process tree has used so far. */
export interface TreeUse {
  cpuMs: number;
  /** Bytes read and written, and major page faults. */
  ioCount: number;
  processCount: number;
  /** A process is running or waiting for the processor. */
  isRunnable: boolean;
  isStopped: boolean;
}

/**
 * Judges one sample per tick, `null` where progress cannot be seen. The first one decides which limit holds. Reads no clock.
 * @returns a judge that says which limit was exceeded, or `null`.
 */
export function createStandstillJudge({
  stillMs: limitMs,
  cpuMs,
  tickMs,
}: Required<StandstillLimits>): (use: TreeUse | null) => string | null {
  let stillMs = 0;
  let last: TreeUse | null = null;
  let factor: number | null = null;
  return (use) => {
    factor ??= use === null ? BLIND_FACTOR : 1;
    if (use !== null && use.cpuMs > cpuMs)
      return `used ${cpuMs / 1000} s of processor time without an answer`;
    if (isWorking(last, use)) stillMs = 0;
    else if (use?.isStopped !== true) stillMs += tickMs;
    last = use;
    return stillMs >= limitMs * factor ? `made no progress for ${(limitMs * factor) / 1000} s` : null;
  };
}

/** Whether it made progress between two samples. Pure. */
function isWorking(before: TreeUse | null, now: TreeUse | null): boolean {
  if (before === null || now === null) return false;
  return (
    now.isRunnable ||
    now.cpuMs !== before.cpuMs ||
    now.ioCount !== before.ioCount ||
    now.processCount !== before.processCount
  );
}

function readTreeUse(pid: number, mark: string): TreeUse | null {
  if (process.platform !== 'linux') return null;
  const roots = new Set([pid, ...findPidsByEnvironment(mark)]);
  const uses = withDescendants(readProcessTable(), roots).flatMap((entry) => parseUse(entry.pid) ?? []);
  if (uses.length === 0) return null;
  return {
    cpuMs: uses.reduce((sum, use) => sum + use.cpuMs, 0),
    ioCount: uses.reduce((sum, use) => sum + use.ioCount, 0),
    processCount: uses.length,
    isRunnable: uses.some(({ state }) => state === 'R'),
    isStopped: uses.some(({ state }) => state === 'T' || state === 't'),
  };
}

/** `proc_pid_stat(5)`: state, majflt (12), utime (14), stime (15); `proc_pid_io(5)`: rchar and wchar. */
function parseUse(pid: number): { state: string; cpuMs: number; ioCount: number } | null {
  const text = readOrEmpty(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 13) return null;
  const io = readOrEmpty(`/proc/${pid}/io`).match(/^[rw]char: \d+$/gm) ?? [];
  const bytes = io.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
  return {
    state: fields[0]!,
    cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_JIFFY,
    ioCount: Number(fields[9]) + bytes,
  };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
