/** Ctrl+C, an external kill, a closed terminal. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs an operation that must clean up before the program ends: Ctrl+C, SIGTERM and a closed terminal abort
 * its signal instead of killing the process. Further signals have no effect, since the operation is already
 * stopping.
 */
export async function withStopSignals<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const name of STOP_SIGNALS) process.on(name, stop);
  try {
    return await run(controller.signal);
  } finally {
    for (const name of STOP_SIGNALS) process.off(name, stop);
  }
}
