import { expect, it } from 'vitest';
import { sideBySide } from '../../../src/support/async/side-by-side.ts';
import { CancelledError } from '../../../src/support/errors.ts';

const untilStopped = (signal: AbortSignal, then: () => void = () => {}) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      then();
      reject(new Error('stopped'));
    });
  });

it('gives the results in the order of the tasks', async () => {
  const later = new Promise<string>((resolve) => setImmediate(() => resolve('a')));
  expect(await sideBySide([() => later, async () => 'b'])).toEqual(['a', 'b']);
  expect(await sideBySide([])).toEqual([]);
});

it('the first failure ends the others, and is the one that is told once they have ended', async () => {
  let hasEnded = false;
  const failing = sideBySide([
    (signal) =>
      untilStopped(signal, () => {
        hasEnded = true;
      }),
    async () => {
      throw new Error('the reason');
    },
  ]);
  await expect(failing).rejects.toThrow('the reason');
  expect(hasEnded).toBe(true);
});

it('the signal from outside reaches all of them', async () => {
  const stop = new AbortController();
  let endedCount = 0;
  const count = () => {
    endedCount++;
  };
  const running = sideBySide(
    [(signal) => untilStopped(signal, count), (signal) => untilStopped(signal, count)],
    stop.signal,
  );
  stop.abort();
  await expect(running).rejects.toThrow(CancelledError);
  expect(endedCount).toBe(2);
});
