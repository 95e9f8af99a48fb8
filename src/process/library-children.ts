import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { endAtExit } from './end-at-exit.ts';
import { killTree } from './kill-tree.ts';

const owners = new AsyncLocalStorage<LibraryChildren>();
let isSubscribed = false;

/**
 * Node publishes every child process as it is created: before it has a pid, in the async context of the
 * caller of `spawn`.
 */
function adoptFromNowOn(): void {
  if (isSubscribed) return;
  isSubscribed = true;
  subscribe('child_process', (message) => {
    owners.getStore()?.adopt((message as { process: ChildProcess }).process);
  });
}

/**
 * Owns the processes that a library starts internally. Keeps them from crashing this process (when a library
 * drops its listeners, a late `error` event or EPIPE on stdin becomes an uncaught exception) and ends them.
 */
export class LibraryChildren {
  readonly #children = new Map<ChildProcess, () => void>();

  constructor() {
    adoptFromNowOn();
  }

  /**
   * Calls into the library. Processes started inside, including later from its callbacks, belong to this
   * object.
   */
  run<T>(work: () => T): T {
    return owners.run(this, work);
  }

  /** For callbacks from `run` into code that may start processes of its own. */
  static outside<T>(work: () => T): T {
    return owners.exit(work);
  }

  adopt(child: ChildProcess): void {
    const release = endAtExit(() => ({ pid: runningPid(child) }));
    this.#children.set(child, release);
    keepErrorListener(child);
    process.nextTick(() => child.stdin?.on('error', () => {}));
  }

  /**
   * Ends the trees of all running children and waits until they are gone. The first signals are sent
   * synchronously.
   */
  async end(): Promise<void> {
    await Promise.all(
      [...this.#children].map(async ([child, release]) => {
        const pid = runningPid(child);
        if (pid !== null) await killTree(pid);
        release();
        this.#children.delete(child);
      }),
    );
  }
}

function runningPid(child: ChildProcess): number | null {
  const isRunning = child.exitCode === null && child.signalCode === null;
  return isRunning ? (child.pid ?? null) : null;
}

/** Keeps an error listener even after the library removes all listeners. */
function keepErrorListener(child: ChildProcess): void {
  const ignore = (): void => {};
  const removeAll = child.removeAllListeners;
  child.removeAllListeners = (...events) => {
    // Pass the arguments as they came: without any it removes everything, with `undefined` nothing.
    removeAll.apply(child, events);
    return child.on('error', ignore);
  };
  child.on('error', ignore);
}
