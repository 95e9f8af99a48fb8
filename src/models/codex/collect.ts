import { setTimeout as delay } from 'node:timers/promises';
import { LibraryChildren } from '../../process/library-children.ts';
import { CodexAccount } from './account.ts';

export interface CodexRunRequest {
  /** Starts the run. */
  open: () => Promise<AsyncIterable<unknown>>;
  /** The signal that the run was given; after it fires, a run that does not end by itself is abandoned. */
  signal?: AbortSignal;
  /** Stop as soon as this many steps are completed. */
  stepBudget?: number;
  /** Called when the budget is used up; fires `signal`. */
  onBudgetReached?: () => void;
  /** Called with 1, 2, … as steps complete; the next event is read after it. Must not throw. */
  onStep?: (step: number) => void | Promise<void>;
}

export interface CollectedCodexRun {
  account: CodexAccount;
  isOverBudget: boolean;
  /** The stream was opened. */
  hasStarted: boolean;
  /** What opening or reading the stream threw. What was read before is accounted for. */
  streamError?: unknown;
}

/** How long a stream may go on after an abort, once its processes are gone. */
const ABANDON_MS = 500;

/** Milliseconds of a clock that never jumps; only differences mean something. */
export const clockMs = (): number => Math.round(performance.now());

/**
 * Reads one run to its end, live. When it resolves, no process of the run is left. Never rejects.
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

/** Waits no longer than `ABANDON_MS`. */
async function closeStream(iterator: AsyncIterator<unknown>): Promise<void> {
  const patience = new AbortController();
  const tooLong = delay(ABANDON_MS, undefined, { signal: patience.signal }).catch(() => {});
  await Promise.race([Promise.resolve(iterator.return?.()).catch(() => {}), tooLong]);
  // A timer that is left would keep the program alive.
  patience.abort();
}

/** Rejects when the signal has fired, the run's processes are gone, and its stream still has not ended. */
function abandonment(signal: AbortSignal | undefined, children: LibraryChildren) {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const done = new AbortController();
  const giveUp = async (): Promise<void> => {
    // Listening since before the library does, which ends the root alone: the processes below it are found from there.
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
