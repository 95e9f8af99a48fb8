import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { headStart } from '../../../src/support/async/head-start.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const watched = () => {
  const signals: AbortSignal[] = [];
  const start = async (signal: AbortSignal) => {
    signals.push(signal);
    return 'second';
  };
  return { signals, start };
};

it('is not begun where the first answers soon', async () => {
  const { signals, start } = watched();
  const second = headStart(start, undefined);
  await vi.advanceTimersByTimeAsync(999);
  second.drop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(signals).toEqual([]);
});

it('is begun once when the first is slow, and waits to be taken', async () => {
  const { signals, start } = watched();
  const second = headStart(start, undefined);
  await vi.advanceTimersByTimeAsync(1000);
  expect(signals).toHaveLength(1);
  expect(await second.take()).toBe('second');
  expect(await second.take()).toBe('second');
  expect(signals).toHaveLength(1);
});

it('is begun when it is taken before that', async () => {
  const { signals, start } = watched();
  expect(await headStart(start, undefined).take()).toBe('second');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(signals).toHaveLength(1);
});

it('ends when it is dropped, and when the whole is stopped', async () => {
  const { signals, start } = watched();
  const second = headStart(start, undefined);
  await vi.advanceTimersByTimeAsync(1000);
  second.drop();
  const all = new AbortController();
  const third = headStart(start, all.signal);
  await vi.advanceTimersByTimeAsync(1000);
  all.abort();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  third.drop();
});

it('only the caller of take gets the failure', async () => {
  const failing = headStart(async () => {
    throw new Error('no');
  }, undefined);
  await vi.advanceTimersByTimeAsync(1000);
  await expect(failing.take()).rejects.toThrow('no');
});
