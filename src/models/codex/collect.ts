import { setTimeout as delay } from 'node:timers/promises';
import { LibraryChildren } from '../../process/library-children.ts';
import { CodexAccount } from './account.ts';

export interface CodexRunRequest {
  /** Starts the run. */
  open: () => Promise<AsyncIterable<unknown>>;
  /** The signal passed to the run. A run that does not end after it fires is abandoned. */
  signal?: AbortSignal;
  /** Stop after this many completed steps. */
  stepBudget?: number;
  /** Called when the budget is used up; must fire `signal`. */
  onBudgetReached?: () => void;
  /** Called with 1, 2, … as steps complete, and awaited before the next event is read. Must not throw. */
  onStep?: (step: number) => void | Promise<void>;
}

export interface CollectedCodexRun {
  account: CodexAccount;
  isOverBudget: boolean;
  /** The stream was opened. */
  hasStarted: boolean;
  /** The error from opening or reading the stream. Events read before it are included in the account. */
  streamError?: unknown;
}

/** How long a stream may continue after an abort, once its processes are gone. */
const ABANDON_MS = 500;

/** A monotonic clock in milliseconds; only differences are meaningful. */
export const clockMs = (): number => Math.round(performance.now());

/**
 * Reads one run to its end, as it happens. No process of the run is left when this resolves. Never rejects.
 */
export async function collectCodexRun(
  request: CodexRunRequest,
  startedAt: number,
): Promise<CollectedCodexRun> {
  const children = new LibraryChildren();
  const abandon = abandonment(request.signal, children);
  const run: CollectedCodexRun = {
    account: new CodexAccount(startedAt),
    isOverBudget: false,
    hasStarted: false,
  };
  try {
    const stream = await Promise.race([children.run(request.open), abandon.promise]);
    run.hasStarted = true;
    await readStream(stream, request, run, children, abandon.promise);
  } catch (error) {
    run.streamError = error;
  } finally {
    abandon.stopListening();
    await children.end();
  }
  return run;
}

async function readStream(
  stream: AsyncIterable<unknown>,
  { signal, stepBudget, onBudgetReached, onStep }: CodexRunRequest,
  run: CollectedCodexRun,
  children: LibraryChildren,
  abandoned: Promise<never>,
): Promise<void> {
  const iterator = stream[Symbol.asyncIterator]();
  for (let step = 0; ; ) {
    const { done, value } = await Promise.race([children.run(() => iterator.next()), abandoned]);
    if (done) return;
    const progress = run.account.add(value, clockMs);
    if (progress === 'none' || (progress === 'bare-turn' && step > 0)) continue;
    step++;
    await Promise.race([LibraryChildren.outside(() => onStep?.(step)), abandoned]);
    if (progress !== 'step' || stepBudget === undefined || step < stepBudget || signal?.aborted) continue;
    run.isOverBudget = true;
    onBudgetReached?.();
    await closeStream(iterator);
    return;
  }
}

/** Waits at most `ABANDON_MS`. */
async function closeStream(iterator: AsyncIterator<unknown>): Promise<void> {
  const timeout = new AbortController();
  const tooLong = delay(ABANDON_MS, undefined, { signal: timeout.signal }).catch(() => {});
  await Promise.race([Promise.resolve(iterator.return?.()).catch(() => {}), tooLong]);
  // A leftover timer would keep the program alive.
  timeout.abort();
}

/** Rejects when the signal has fired and the run's processes are gone, but its stream has still not ended. */
function abandonment(signal: AbortSignal | undefined, children: LibraryChildren) {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const done = new AbortController();
  const giveUp = async (): Promise<void> => {
    // Our listener was added before the library's, which only ends the root process: its descendants are
    // still found from there.
    await children.end();
    await delay(ABANDON_MS, undefined, { signal: done.signal }).catch(() => {});
    reject(signal?.reason);
  };
  if (signal?.aborted) void giveUp();
  signal?.addEventListener('abort', giveUp, { once: true });
  return {
    promise,
    stopListening: () => {
      done.abort();
      signal?.removeEventListener('abort', giveUp);
    },
  };
}
