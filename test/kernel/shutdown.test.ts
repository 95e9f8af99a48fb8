import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXIT_REQUEST } from '../../src/kernel/frames.ts';
import { endProcess } from '../../src/kernel/shutdown.ts';
import type { DuplexChild, ExitStatus } from '../../src/process/spawn-duplex.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A child that ends when it is asked in one way; it notes how and when it was asked. */
function childThatObeys(obeyed: 'exit' | 'SIGTERM' | 'SIGKILL' | 'nothing', canWrite = true) {
  const startedAtMs = Date.now();
  const asked: string[] = [];
  const { promise: exited, resolve } = Promise.withResolvers<ExitStatus>();
  let runs = true;
  const hear = (what: string) => {
    asked.push(`${Date.now() - startedAtMs} ${what}`);
    if (what !== obeyed) return;
    runs = false;
    resolve({ exitCode: 0, signal: null });
  };
  const child = {
    isRunning: () => runs,
    exited,
    stdin: {
      writable: canWrite,
      end: (text: string) => {
        expect(text).toBe(EXIT_REQUEST);
        hear('exit');
      },
    },
    signalGroup: hear,
  } as unknown as DuplexChild;
  return { child, asked, end: () => hear(obeyed) };
}

describe('a session that is to end', () => {
  it.each([
    ['exit', ['0 exit'], true],
    ['SIGTERM', ['0 exit', '1000 SIGTERM'], true],
    ['SIGKILL', ['0 exit', '1000 SIGTERM', '2000 SIGKILL'], true],
    ['nothing', ['0 exit', '1000 SIGTERM', '2000 SIGKILL'], false],
  ] as const)('obeys %s', async (obeyed, asked, isOver) => {
    const world = childThatObeys(obeyed);
    const ending = endProcess(world.child, {});
    await vi.runAllTimersAsync();
    expect(await ending).toBe(isOver);
    expect(world.asked).toEqual(asked);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is waited for in each phase as long as the caller says', async () => {
    const world = childThatObeys('nothing');
    const ending = endProcess(world.child, { timeoutMs: 50 });
    await vi.runAllTimersAsync();
    expect(await ending).toBe(false);
    expect(world.asked).toEqual(['0 exit', '50 SIGTERM', '100 SIGKILL']);
  });

  it('with a closed input is not written to', async () => {
    const world = childThatObeys('SIGTERM', false);
    const ending = endProcess(world.child, {});
    await vi.runAllTimersAsync();
    expect(await ending).toBe(true);
    expect(world.asked).toEqual(['1000 SIGTERM']);
  });

  it('that has ended is asked for nothing', async () => {
    const world = childThatObeys('exit');
    world.end();
    world.asked.splice(0);
    expect(await endProcess(world.child, {})).toBe(true);
    expect(world.asked).toEqual([]);
  });

  it('goes on to the last phase at once when the signal has fired, and waits there', async () => {
    const world = childThatObeys('nothing');
    const ending = endProcess(world.child, { signal: AbortSignal.abort() });
    await vi.advanceTimersByTimeAsync(0);
    expect(world.asked).toEqual(['0 exit', '0 SIGTERM', '0 SIGKILL']);
    await vi.advanceTimersByTimeAsync(999);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await ending).toBe(false);
  });

  it('skips a phase when the signal fires, and leaves no listener on it', async () => {
    const world = childThatObeys('SIGKILL');
    const stop = new AbortController();
    const added = vi.spyOn(stop.signal, 'addEventListener');
    const removed = vi.spyOn(stop.signal, 'removeEventListener');
    const ending = endProcess(world.child, { signal: stop.signal });
    await vi.advanceTimersByTimeAsync(300);
    stop.abort();
    await vi.runAllTimersAsync();
    expect(await ending).toBe(true);
    expect(world.asked).toEqual(['0 exit', '300 SIGTERM', '300 SIGKILL']);
    expect(added.mock.calls.map(([name, , options]) => [name, options])).toEqual([['abort', { once: true }]]);
    expect(removed.mock.calls[0]).toEqual(['abort', added.mock.calls[0]![1]]);
  });
});
