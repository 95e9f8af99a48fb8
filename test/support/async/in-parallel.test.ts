import { expect, it } from 'vitest';
import { inParallel } from '../../../src/support/async/in-parallel.ts';
import { CancelledError } from '../../../src/support/errors.ts';

/** Tasks controlled from outside, and their state. */
function workshop() {
  const started: string[] = [];
  const stopped: string[] = [];
  const ends = new Map<string, { resolve: () => void; reject: (error: unknown) => void }>();
  const task = (item: string, stop: AbortSignal) => {
    started.push(item);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    ends.set(item, { resolve, reject });
    stop.addEventListener('abort', () => {
      stopped.push(item);
      reject(new Error(`the echo of ${item}`));
    });
    return promise;
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return {
    task,
    started,
    stopped,
    async end(item: string, error?: unknown) {
      const { resolve, reject } = ends.get(item)!;
      if (error === undefined) resolve();
      else reject(error);
      await turn();
    },
  };
}

it('limits how many run at once, in order', async () => {
  const { task, started, end } = workshop();
  const all = inParallel(['a', 'b', 'c', 'd'], 2, undefined, task);
  expect(started).toEqual(['a', 'b']);
  await end('b');
  expect(started).toEqual(['a', 'b', 'c']);
  await end('a');
  await end('d');
  await end('c');
  await all;
});

it('the first that fails ends those under way, starts no more, and is what is thrown', async () => {
  const { task, started, stopped, end } = workshop();
  const all = inParallel(['a', 'b', 'c'], 2, undefined, task);
  all.catch(() => {});
  await end('b', new Error('the reason'));
  await expect(all).rejects.toThrow('the reason');
  expect(stopped).toContain('a');
  expect(started).toEqual(['a', 'b']);
});

it('a cancel is a cancel, whatever the tasks die of', async () => {
  const { task, started } = workshop();
  const controller = new AbortController();
  const all = inParallel(['a', 'b', 'c'], 2, controller.signal, task);
  controller.abort();
  await expect(all).rejects.toThrow(CancelledError);
  expect(started).toEqual(['a', 'b']);
});

it('with nothing to do it does nothing, unless it is cancelled', async () => {
  await inParallel([], 2, undefined, async () => expect.unreachable());
  await expect(inParallel([], 2, AbortSignal.abort(), async () => {})).rejects.toThrow(CancelledError);
});
