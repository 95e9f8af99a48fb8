/** Limits how many tasks run at once; the rest wait in order. */
export type Gate = <T>(task: () => Promise<T>) => Promise<T>;

export function createGate(width: number): Gate {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (underWay < width) underWay++;
    // A finished task passes its slot directly to the next in line, so that no newcomer jumps the queue.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else underWay--;
    }
  };
}
