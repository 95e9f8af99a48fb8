import { expect, it } from 'vitest';
import { createGate } from '../../../src/support/async/gate.ts';

it('limits how many run at once, in order, and continues after a failure', async () => {
  const gate = createGate(2);
  const started: number[] = [];
  const ends: (() => void)[] = [];
  let most = 0;
  let underWay = 0;
  const tasks = [0, 1, 2, 3, 4].map((number) =>
    gate(async () => {
      started.push(number);
      most = Math.max(most, ++underWay);
      await new Promise<void>((resolve) => ends.push(resolve));
      underWay--;
      if (number === 1) throw new Error('failed');
      return number;
    }),
  );
  const settled = Promise.allSettled(tasks);
  while (started.length < 5 || ends.length > 0) {
    ends.shift()?.();
    await new Promise(setImmediate);
  }
  expect((await settled).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ]);
  expect(started).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
});
