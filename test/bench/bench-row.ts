/** One line of the benchmark table: a time of ours against a yardstick measured in the same minutes. */
export interface BenchRow {
  name: string;
  yardstick: string;
  /** Median of ours by median of the yardstick. */
  ratio: number;
  /** What the ratio must not pass; `null` where nothing is promised. */
  limit: number | null;
  medianMs: number;
  yardstickMedianMs: number;
  rounds: number;
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Rounds of both, one after the other and each first in turn, so that a busy moment of the machine hits both. One
 * round of each before that is not counted. `run` and `runYardstick` may return their own time in milliseconds; `before`
 * comes before each of them, outside of the time.
 */
export async function compare(options: {
  name: string;
  yardstick: string;
  limit: number | null;
  rounds: number;
  run: () => Promise<unknown>;
  runYardstick: () => Promise<unknown>;
  before?: () => Promise<unknown>;
}): Promise<BenchRow> {
  const { name, yardstick, limit, rounds, before } = options;
  const timed = async (run: () => Promise<unknown>): Promise<number> => {
    await before?.();
    const startedAt = performance.now();
    const own = await run();
    return typeof own === 'number' ? own : performance.now() - startedAt;
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  await timed(options.run);
  await timed(options.runYardstick);
  for (let round = 0; round < rounds; round++) {
    const isOursFirst = round % 2 === 0;
    if (isOursFirst) ours.push(await timed(options.run));
    theirs.push(await timed(options.runYardstick));
    if (!isOursFirst) ours.push(await timed(options.run));
  }
  const medianMs = medianOf(ours);
  const yardstickMedianMs = medianOf(theirs);
  return { name, yardstick, ratio: medianMs / yardstickMedianMs, limit, medianMs, yardstickMedianMs, rounds };
}
