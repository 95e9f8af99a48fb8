import { linkedAbort } from './linked-abort.ts';

/** Anyone who answers at all has usually done so by then, even over a slow line. */
const SLOW_AFTER_MS = 1000;

export interface HeadStart<T> {
  /** The result; starts the work if it has not started yet. */
  take(): Promise<T>;
  /** The result is not needed, or no longer; aborts the work. */
  drop(): void;
}

/**
 * A fallback that starts while the first choice is still pending. It starts only when the wait gets long, so
 * that both together take no longer than the slower one, and not at all when the first answers quickly. The
 * caller must drop it at the end.
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
      // The caller of `take` gets the failure.
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
