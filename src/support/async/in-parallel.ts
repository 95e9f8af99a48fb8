import { throwIfCancelled } from '../errors.ts';
import { linkedAbort } from './linked-abort.ts';

/**
 * Runs a task for each item, so many at a time. The first that fails ends the others through the signal that each is given, and no
 * more are started.
 * @throws that first failure, once all of them have ended: what the others die of is its echo. CancelledError when `signal` fires.
 */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  signal: AbortSignal | undefined,
  task: (item: T, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const own = linkedAbort(signal);
  const waiting = items.values();
  let first: { error: unknown } | null = null;
  const work = async () => {
    for (const item of waiting) {
      if (own.signal.aborted) return;
      try {
        await task(item, own.signal);
      } catch (error) {
        first ??= { error };
        own.stop();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
  throwIfCancelled(signal);
  if (first) throw (first as { error: unknown }).error;
}
