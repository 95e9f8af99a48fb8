import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { endAtExit } from './end-at-exit.ts';
import { killTree } from './kill-tree.ts';

const owners = new AsyncLocalStorage<LibraryChildren>();
let isSubscribed = false;

/** Node publishes every child process while it is being made: before it has a pid, in the context of the caller of `spawn`. */
function adoptFromNowOn(): void {
  if (isSubscribed) return;
  isSubscribed = true;
  subscribe('child_process', (message) => {
    owners.getStore()?.adopt((message as { process: ChildProcess }).process);
  });
}

/**
 * The processes that a library starts by itself and does not hand out. Keeps them from taking this process down (a
 * library that drops its listeners makes a late `error` event, or EPIPE on stdin, an uncaught exception) and ends them.
 */
export class LibraryChildren {
  readonly #children = new Map<ChildProcess, () => void>();

  constructor() {
    adoptFromNowOn();
  }

  /** Calls into the library. What is started in there, also later in its own callbacks, belongs here. */
  run<T>(work: () => T): T {
    return owners.run(this, work);
  }

  /** Called from `run` back into code that may start processes of its own. */
  static outside<T>(work: () => T): T {
    return owners.exit(work);
  }

  adopt(child: ChildProcess): void {
    const release = endAtExit(() => ({ pid: runningPid(child) }));
    this.#children.set(child, release);
    keepErrorListener(child);
    process.nextTick(() => child.stdin?.on('error', () => {}));
  }

  /** Ends the trees of all that still runs and waits until they are gone. The first signals are sent before it returns. */
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

/** Also after the library has removed all listeners. */
function keepErrorListener(child: ChildProcess): void {
  const ignore = (): void => {};
  const removeAll = child.removeAllListeners;
  child.removeAllListeners = (...events) => {
    // Called without an argument it removes everything, with `undefined` nothing.
    removeAll.apply(child, events);
    return child.on('error', ignore);
  };
  child.on('error', ignore);
}
