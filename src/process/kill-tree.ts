import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../support/errors.ts';
import {
  findByEnvironment,
  listedPids,
  type MarkedProcesses,
  type ProcessEntry,
  readProcessStart,
  readProcessTable,
  showsProcesses,
  withDescendants,
} from './process-table.ts';

/** A process tree to end: its root, if still running, and a mark that orphaned descendants still carry. */
export interface TreeRoot {
  pid: number | null;
  /** `NAME=value` in the environment of every process in the tree. */
  mark?: string;
}

const POLL_MS = 20;
/**
 * A process in an uninterruptible system call (a dead network file system) survives SIGKILL, so the wait is
 * bounded.
 */
const KILL_WAIT_MS = 5000;
/** On a busy machine some process always comes or goes, which must not hold up this one. */
const MAX_LOOKS = 10;

/**
 * Ends a process and its descendants: SIGTERM, then SIGKILL to what is left after `graceMs`
 * (0: SIGKILL right away). Resolves when all are gone, not counting zombies. Descendants that lose their parent meanwhile are tracked. Windows:
 * `taskkill /T /F`. Where processes cannot be seen (no `/proc`), signals the root and the process group that
 * it leads; children started there get their own group, see `runProcess`. The pid must belong to an unreaped
 * child or be verified by its start time; otherwise a reused pid would be killed.
 */
export async function killTree(target: number | TreeRoot, graceMs = 200): Promise<void> {
  const root = typeof target === 'number' ? { pid: target } : target;
  if (process.platform === 'win32') {
    if (root.pid !== null) await taskkill(root.pid);
    return;
  }
  const members = new TreeMembers(root);
  if (graceMs > 0) {
    signalAll(members.refresh(), 'SIGTERM');
    if (await members.areGoneWithin(graceMs, 'SIGTERM')) return;
  }
  signalAll(members.refresh(), 'SIGKILL');
  await members.areGoneWithin(KILL_WAIT_MS, 'SIGKILL');
}

/** Sends SIGKILL to the whole tree, synchronously: for use while this process exits. */
export function killTreeNow(root: TreeRoot): void {
  if (process.platform === 'win32') {
    if (root.pid !== null) spawnSync('taskkill', ['/pid', String(root.pid), '/T', '/F'], { stdio: 'ignore' });
    return;
  }
  signalAll(new TreeMembers(root).refresh(), 'SIGKILL');
}

/**
 * All processes ever seen in a tree: a grandchild whose parent has died can no longer be reached from the
 * root.
 */
class TreeMembers {
  readonly #root: TreeRoot;
  readonly #known = new Map<number, string>();

  constructor(root: TreeRoot) {
    this.#root = root;
    if (root.pid !== null) this.#known.set(root.pid, '');
  }

  /** The members running now. */
  refresh(): ProcessEntry[] {
    for (let look = 1; ; look++) {
      const listed = new Set(listedPids());
      const table = readProcessTable();
      if (!showsProcesses(table)) return this.#unseen();
      const { mark } = this.#root;
      const marked = mark === undefined ? { pids: [], unread: [] } : findByEnvironment(mark);
      const running = this.#membersIn(table, marked.pids);
      if (running.length > 0 || look === MAX_LOOKS) return running;
      if (!hasSuccessor({ listed, running: new Set(table.map(({ pid }) => pid)), ...marked })) return running;
    }
  }

  #membersIn(table: readonly ProcessEntry[], marked: readonly number[]): ProcessEntry[] {
    const roots = new Set(marked);
    for (const entry of table) {
      const knownStart = this.#known.get(entry.pid);
      if (knownStart === '' || knownStart === entry.start) roots.add(entry.pid);
    }
    const running = withDescendants(table, roots).filter((entry) => entry.pid !== process.pid);
    for (const entry of running) this.#known.set(entry.pid, entry.start);
    return running;
  }

  /**
   * Without a process table: the root and its group, probed with signal 0. Zombies answer until they are
   * reaped.
   */
  #unseen(): ProcessEntry[] {
    const { pid } = this.#root;
    if (pid === null) return [];
    return [-pid, pid].filter(isThere).map((each) => ({ pid: each, parentPid: 0, start: '' }));
  }

  /** Waits; members that appear meanwhile are signalled too. */
  async areGoneWithin(limitMs: number, signal: NodeJS.Signals): Promise<boolean> {
    const signalled = new Set([...this.#known.keys(), ...[...this.#known.keys()].map((pid) => -pid)]);
    const deadline = performance.now() + limitMs;
    for (;;) {
      const running = this.refresh();
      if (running.length === 0) return true;
      signalAll(
        running.filter((entry) => !signalled.has(entry.pid)),
        signal,
      );
      for (const entry of running) signalled.add(entry.pid);
      if (performance.now() >= deadline) return false;
      await delay(Math.min(POLL_MS, limitMs));
    }
  }
}

/** One look at the processes, in this order. */
interface Look extends MarkedProcesses {
  /** Every pid, zombies included. */
  listed: ReadonlySet<number>;
  /** Those in the table, which has no zombies. */
  running: ReadonlySet<number>;
}

/**
 * Whether a member may have started another and ended during a look that found none: one came, or one that ran
 * ended before its environment was read. A zombie from before says nothing; there may be many.
 */
export function hasSuccessor(
  { listed, running, pids, unread }: Look,
  hasEnded = (pid: number) => readProcessStart(pid) === null,
): boolean {
  if ([...pids, ...unread].some((pid) => !listed.has(pid))) return true;
  return unread.some((pid) => running.has(pid) && hasEnded(pid));
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function signalAll(entries: readonly ProcessEntry[], signal: NodeJS.Signals): void {
  for (const { pid } of entries) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended, or runs as another user and is not ours to end.
    }
  }
}

function taskkill(pid: number): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn('taskkill', ['/pid', String(pid), '/T', '/F'], {
      stdio: 'ignore',
      windowsHide: true,
    });
    child.once('error', () => resolve());
    child.once('close', () => resolve());
  });
}
