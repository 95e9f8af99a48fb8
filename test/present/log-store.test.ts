import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogStore } from '../../src/present/log-store.ts';
import { batchOfBytes, batchOfLines } from '../../src/support/line-batch.ts';

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}`);

describe('log store', () => {
  it('shows nothing before a flush, and the same snapshot until there is news', () => {
    const store = createLogStore();
    const empty = store.getSnapshot();
    expect(empty).toEqual({ version: 0, lines: [], hiddenCount: 0 });
    store.append(['a']);
    expect(store.getSnapshot()).toBe(empty);
    store.flush();
    const first = store.getSnapshot();
    expect(first).toEqual({ version: 1, lines: ['a'], hiddenCount: 0 });
    store.flush();
    store.append([]);
    store.flush();
    expect(store.getSnapshot()).toBe(first);
    store.append(['b']);
    store.flush();
    expect(store.getSnapshot()).toEqual({ version: 2, lines: ['a', 'b'], hiddenCount: 0 });
    // What a reader holds does not change under it.
    expect(first.lines).toEqual(['a']);
  });

  it('keeps a bounded tail and counts what it hides, in batches of any size', () => {
    for (const batch of [1, 7, 100, 1999, 2000, 2001, 9000]) {
      const store = createLogStore();
      for (let from = 0; from < 10_000; from += batch) {
        store.append(numbered(from, Math.min(10_000, from + batch)));
      }
      store.flush();
      expect(store.getSnapshot().lines).toEqual(numbered(8000, 10_000));
      expect(store.getSnapshot().hiddenCount).toBe(8000);
    }
  });

  it('keeps the same tail of batches whose lines nobody made', () => {
    for (const size of [1, 7, 1999, 2000, 2001, 9000]) {
      const store = createLogStore();
      const plain = createLogStore();
      for (let from = 0; from < 10_000; from += size) {
        const lines = numbered(from, Math.min(10_000, from + size));
        plain.append(lines);
        const isPlain = from % 2 === 0;
        store.appendBatch(
          isPlain ? batchOfBytes(Buffer.from(`${lines.join('\n')}\n`), lines.length) : batchOfLines(lines),
        );
      }
      store.flush();
      plain.flush();
      expect(store.getSnapshot()).toEqual(plain.getSnapshot());
    }
  });

  it('keeps no endless lines of a batch', () => {
    const store = createLogStore();
    store.appendBatch(batchOfBytes(Buffer.from(`${'x'.repeat(60_000)}\nlast\n`), 2));
    store.flush();
    expect(store.getSnapshot().lines).toEqual([`${'x'.repeat(2000)}…`, 'last']);
  });

  it('counts right over flushes between', () => {
    const store = createLogStore({ maxLines: 10 });
    for (let from = 0; from < 100; from += 3) {
      store.append(numbered(from, from + 3));
      store.flush();
      const { hiddenCount, lines } = store.getSnapshot();
      expect(lines[0]).toBe(`line ${hiddenCount}`);
      expect(hiddenCount + lines.length).toBe(from + 3);
    }
  });

  it('shows no control characters and no endless lines', () => {
    const store = createLogStore();
    store.append([
      '\x1b[31mred\x1b[0m',
      'a\tb',
      'bell\x07 \x08x',
      '\x1b]0;title\x07y',
      'x'.repeat(60_000),
      'é 漢',
    ]);
    store.flush();
    const { lines } = store.getSnapshot();
    expect(lines.slice(0, 4)).toEqual(['red', 'a    b', 'bell\\u0007 \\u0008x', 'y']);
    expect(lines[4]).toBe(`${'x'.repeat(2000)}…`);
    expect(lines[5]).toBe('é 漢');
  });

  it('does not grow with 200,000 lines', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const store = createLogStore();
    const heapUsed = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    /** Lines as they come from a child: slices of one text a chunk. */
    const flood = (lines: number): void => {
      for (let from = 0; from < lines; from += 800) {
        store.append(`${'.'.repeat(60)} ${from}\n`.repeat(800).split('\n').slice(0, -1));
      }
    };
    flood(8000);
    const before = heapUsed();
    flood(200_000);
    expect(heapUsed() - before).toBeLessThan(2 * 1024 * 1024);
    store.flush();
    expect(heapUsed() - before).toBeLessThan(2 * 1024 * 1024);
    expect(store.getSnapshot().lines.length).toBe(2000);
    expect(store.getSnapshot().hiddenCount).toBe(206_000);
  });
});

describe('log store, the rhythm', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('flushes at most ten times a second', () => {
    const store = createLogStore();
    const listener = vi.fn();
    store.subscribe(listener);
    for (let elapsedMs = 0; elapsedMs < 3000; elapsedMs += 5) {
      store.append([`at ${elapsedMs}`]);
      expect(vi.getTimerCount()).toBe(1);
      vi.advanceTimersByTime(5);
    }
    expect(listener.mock.calls.length).toBeGreaterThanOrEqual(28);
    expect(listener.mock.calls.length).toBeLessThanOrEqual(31);
  });

  it('flushes less often while each flush would replace every line, and as before after that', () => {
    const store = createLogStore({ maxLines: 10 });
    const listener = vi.fn();
    store.subscribe(listener);
    const append = (lines: number, forMs: number): number => {
      listener.mockClear();
      for (let elapsedMs = 0; elapsedMs < forMs; elapsedMs += 5) {
        store.append(numbered(0, lines));
        vi.advanceTimersByTime(5);
      }
      return listener.mock.calls.length;
    };
    expect(append(1, 50)).toBe(1);
    expect(append(5, 3000)).toBeLessThanOrEqual(13);
    // Nine lines between two flushes: one stays.
    append(0, 300);
    listener.mockClear();
    for (let turn = 0; turn < 20; turn++) {
      store.append(numbered(0, 9));
      vi.advanceTimersByTime(100);
    }
    expect(listener.mock.calls.length).toBeGreaterThanOrEqual(18);
  });

  it('shows a single line at once, and the last ones without more coming', () => {
    const store = createLogStore();
    store.append(['first']);
    vi.advanceTimersByTime(1);
    expect(store.getSnapshot().lines).toEqual(['first']);
    store.append(['second']);
    vi.advanceTimersByTime(1);
    expect(store.getSnapshot().lines).toEqual(['first']);
    vi.advanceTimersByTime(100);
    expect(store.getSnapshot().lines).toEqual(['first', 'second']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('flushes at once when told, and not once more', () => {
    const store = createLogStore();
    const listener = vi.fn();
    store.subscribe(listener);
    store.append(['a']);
    store.flush();
    vi.advanceTimersByTime(1000);
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('tells nobody who left', () => {
    const store = createLogStore();
    const [stays, leaves] = [vi.fn(), vi.fn()];
    const leave = store.subscribe(leaves);
    store.subscribe(stays);
    leave();
    store.append(['a']);
    store.flush();
    expect([stays.mock.calls.length, leaves.mock.calls.length]).toEqual([1, 0]);
  });
});
