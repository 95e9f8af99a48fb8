import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isRunning } from '../fixtures/family.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { anyInterpreter } from './interpreters.ts';
import { createSessions, printed, run } from './sessions.ts';

const { start, endAll } = createSessions(anyInterpreter());
afterEach(endAll);

describe('callbacks', () => {
  it('change nothing when they throw or reject', async () => {
    const kernel = await start();
    const throwing = await kernel.execute("print('a')\ndisplay({'application/json': 1}, raw=True)\n2", {
      onChunk: () => {
        throw new Error('full');
      },
      onDisplay: () => Promise.reject(new Error('full')),
    });
    expect(throwing).toMatchObject({ status: 'ok', cancelled: false });
    expect((await run(kernel, '1+1')).text).toBe('2\n');
  });

  it('are awaited one after the other, the last before the result', async () => {
    const kernel = await start();
    const seen: string[] = [];
    let running = 0;
    await kernel.execute('for i in range(20): print(i, end="\\n")', {
      onChunk: async (text) => {
        expect(++running).toBe(1);
        await delay(1);
        running--;
        seen.push(text);
      },
    });
    expect(running).toBe(0);
    expect(seen.join('')).toBe(Array.from({ length: 20 }, (_, index) => `${index}\n`).join(''));
  });

  it('never run after the result, not even when the session is shut down in the middle of one', async () => {
    const kernel = await start();
    const events: string[] = [];
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    let callbacks = 0;
    let mostCallbacks = 0;
    const running = kernel.execute("while True: print('x' * 1000)", {
      onChunk: async () => {
        events.push('in');
        mostCallbacks = Math.max(mostCallbacks, ++callbacks);
        enter();
        await delay(20);
        callbacks--;
        events.push('out');
      },
    });
    await entered;
    const shutdown = kernel.shutdown({ timeoutMs: 200 });
    const result = await running;
    events.push('result');
    expect(result).toMatchObject({ status: 'error', cancelled: true, kernelKilled: true });
    expect(await shutdown).toEqual({ confirmed: true });
    expect(events.at(-1)).toBe('result');
    expect(mostCallbacks).toBe(1);
    expect(events.filter((event) => event === 'in')).toHaveLength(
      events.filter((event) => event === 'out').length,
    );
  });

  it('may shut the session down', async () => {
    const kernel = await start();
    const result = await kernel.execute("print('now')\nimport time\ntime.sleep(1000)", {
      onChunk: async () => void (await kernel.shutdown({ timeoutMs: 200 })),
    });
    expect(result).toMatchObject({ kernelKilled: true });
  });

  it('leave no listener or timer behind', async () => {
    const kernel = await start();
    const stop = new AbortController();
    for (let i = 0; i < 20; i++) await kernel.execute('1', { signal: stop.signal, timeoutMs: 3_600_000 });
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout');
    expect(timers.length).toBeLessThan(5);
  });
});

describe('a long session', () => {
  it('keeps the source of the last requests only', async () => {
    const kernel = await start();
    for (let i = 0; i < 210; i++) await kernel.execute('1/0');
    const count = "import linecache\nsum(name.startswith('<request') for name in linecache.cache)";
    expect(Number((await run(kernel, count)).text)).toBeLessThanOrEqual(200);
  });
});

describe('the end of the process', () => {
  it('settles a request that is pending, and keeps what is known', async () => {
    const kernel = await start();
    const { onChunk, seen } = printed('running\n');
    const running = run(kernel, "print('running')\nimport time\ntime.sleep(1000)", { onChunk });
    const queued = run(kernel, '1');
    await seen;
    expect(await kernel.shutdown()).toEqual({ confirmed: true });
    const { result, text } = await running;
    expect(text).toBe('running\n[kernel] Python kernel shutdown\n');
    expect(result).toMatchObject({ status: 'error', cancelled: true, timedOut: false, kernelKilled: true });
    expect((await queued).text).toBe('[kernel] Python kernel shutdown\n');
  });

  it('is reported before the last frames are read, and loses none of them', async () => {
    const kernel = await start();
    const lines: string[] = [];
    // Through one stream: what goes to the descriptor itself is forwarded at its own pace.
    const code = "import os\nfor i in range(200): print(i)\nprint('last')\nos._exit(0)";
    const result = await kernel.execute(code, {
      onChunk: async (text) => {
        await vi.waitFor(() => expect(kernel.isAlive()).toBe(false), PATIENT);
        lines.push(text);
      },
    });
    expect(result).toMatchObject({ status: 'error', kernelKilled: true });
    const numbers = Array.from({ length: 200 }, (_, i) => `${i}\n`).join('');
    expect(lines.join('')).toBe(`${numbers}last\n[kernel] Python kernel exited with code 0\n`);
  });

  it('never makes a write to a dead process fatal', async () => {
    const kernel = await start();
    const pid = Number((await run(kernel, 'import os\nos.getpid()')).text);
    // Larger than the pipe, so that the write is still in progress when the reader is gone.
    const big = `#${'x'.repeat(8 * 1024 * 1024)}`;
    process.kill(pid, 'SIGKILL');
    const results = await Promise.all([kernel.execute(big), kernel.execute('1'), kernel.execute(big)]);
    for (const result of results) expect(result).toMatchObject({ status: 'error', cancelled: true });
    await vi.waitFor(() => expect(kernel.isAlive()).toBe(false), PATIENT);
    await kernel.interrupt();
    expect(await kernel.shutdown()).toEqual({ confirmed: true });
  });

  it('does not wait for a pipe that a forked child holds', async () => {
    const kernel = await start();
    const code = `import os, time, warnings
warnings.simplefilter('ignore')
child = os.fork()
if child == 0:
    os.setsid()
    time.sleep(1000)
print('child', child)
os._exit(0)`;
    const { result, text } = await run(kernel, code);
    expect(result).toMatchObject({ kernelKilled: true });
    const child = Number(/child (\d+)/.exec(text)?.[1]);
    await vi.waitFor(() => expect(isRunning(child)).toBe(false), PATIENT);
  });

  it('goes on to the next phase at once when its signal has fired', async () => {
    const kernel = await start();
    const { onChunk, seen } = printed('stubborn');
    const code = `import signal
for n in (signal.SIGTERM, signal.SIGINT): signal.signal(n, signal.SIG_IGN)
print('stubborn')
while True: pass`;
    void kernel.execute(code, { onChunk });
    await seen;
    const answer = await kernel.shutdown({ timeoutMs: 600_000, signal: AbortSignal.abort() });
    expect(answer).toEqual({ confirmed: true });
  });

  it('settles every queued request, however it was cancelled', async () => {
    const kernel = await start();
    const first = kernel.execute('import time\ntime.sleep(0.2)');
    const late = await kernel.execute('1', { timeoutMs: 1 });
    expect(late).toMatchObject({ status: 'error', cancelled: true, timedOut: true });
    expect(await first).toMatchObject({ status: 'ok' });
  });
});
