/** Somebody who answers at all has mostly done so by then. */
const SLOW_AFTER_MS = 250;

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
  signal?: AbortSignal,
  slowAfterMs = SLOW_AFTER_MS,
): HeadStart<T> {
  const stop = new AbortController();
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  let running: Promise<T> | null = null;
  const begin = (): Promise<T> => {
    if (running === null) {
      running = start(either);
      // Whoever takes it gets the failure.
      running.catch(() => {});
    }
    return running;
  };
  const timer = setTimeout(begin, slowAfterMs);
  return {
    take() {
      clearTimeout(timer);
      return begin();
    },
    drop() {
      clearTimeout(timer);
      stop.abort();
    },
  };
}
