/** Lets so many tasks run at a time; the others wait for their turn, in order. */
export type Gate = <T>(task: () => Promise<T>) => Promise<T>;

export function createGate(width: number): Gate {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (underWay < width) underWay++;
    // Whoever leaves hands its place on, so that nobody slips in between.
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
