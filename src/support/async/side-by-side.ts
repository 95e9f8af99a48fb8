import { inParallel } from './in-parallel.ts';

/**
 * Runs tasks concurrently. The first failure aborts the others through their signal.
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
