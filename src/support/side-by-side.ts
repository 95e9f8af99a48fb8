import { ownStop } from './own-stop.ts';

/**
 * Runs tasks at the same time. The first that fails ends the others through the signal that each is given.
 * @throws that first failure, once all of them have ended: what the others die of is its echo.
 */
export async function sideBySide<T extends readonly unknown[]>(
  tasks: readonly [...{ [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> }],
  signal?: AbortSignal,
): Promise<T> {
  const own = ownStop(signal);
  let first: { error: unknown } | null = null;
  const settled = await Promise.allSettled(
    tasks.map(async (task) => {
      try {
        return await task(own.signal);
      } catch (error) {
        first ??= { error };
        own.stop();
        throw error;
      }
    }),
  );
  if (first) throw (first as { error: unknown }).error;
  return settled.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
