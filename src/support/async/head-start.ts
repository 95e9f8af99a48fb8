import { linkedAbort } from './linked-abort.ts';

/** Somebody who answers at all has done so by then, over a slow line too. */
const SLOW_AFTER_MS = 1000;

export interface HeadStart<T> {
  /** The result, started now at the latest. */
  take(): Promise<T>;
  /** It is not needed, or no longer: what was started ends. */
  drop(): void;
}

/**
 * The second choice of somebody who waits for the first: begun when the wait gets long, so that both take no longer than the slower
 * of them, and not begun at all where the first answers soon. Must be dropped at the end.
 */
export function headStart<T>(
  start: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal | undefined,
): HeadStart<T> {
  const own = linkedAbort(signal);
  let running: Promise<T> | null = null;
  const begin = (): Promise<T> => {
    if (running === null) {
      running = start(own.signal);
      // Whoever takes it gets the failure.
      running.catch(() => {});
    }
    return running;
  };
  const timer = setTimeout(begin, SLOW_AFTER_MS);
  return {
    take: begin,
    drop() {
      clearTimeout(timer);
      own.stop();
    },
  };
}
