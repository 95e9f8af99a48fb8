import { inParallel } from './in-parallel.ts';

/**
 * Runs tasks at the same time. The first that fails ends the others through the signal that each is given.
 * @throws as `inParallel`.
 */
export async function sideBySide<T extends readonly unknown[]>(
  tasks: readonly [...{ [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> }],
  signal?: AbortSignal,
): Promise<T> {
  const results: unknown[] = [];
  await inParallel([...tasks.entries()], tasks.length, signal, async ([position, task], stop) => {
    results[position] = await task(stop);
  });
  return results as unknown as T;
}
