import { throwIfCancelled } from '../errors.ts';
import { linkedAbort } from './linked-abort.ts';

/**
 * Runs a task for each item, up to `width` at a time. The first failure aborts the other tasks through their
 * signal and starts no more.
 * @throws the first failure, once all tasks have ended (later failures are its consequence). CancelledError
 * when `signal` fires.
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
