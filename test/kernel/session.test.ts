import { afterAll, describe, expect, it, vi } from 'vitest';
import { anyInterpreter } from './interpreters.ts';
import { createSessions, printed, run } from './sessions.ts';

/** One interpreter is enough here; `every-minor.test.ts` tries all that a machine has. */
const { start, shared, endAll } = createSessions(anyInterpreter());
afterAll(endAll);

const ENDLESS = "print('looping')\nwhile True: pass";
const KILLED = { status: 'error', cancelled: true, kernelKilled: true };

describe.skipIf(process.platform === 'win32')('a session', () => {
  it('counts requests, and keeps variables', async () => {
    const kernel = await shared();
    const first = await run(kernel, 'x = 6 * 7');
    const second = await run(kernel, 'x');
    expect(second.text).toBe('42\n');
    expect(second.result.executionCount).toBe(first.result.executionCount! + 1);
    expect(first.result).toMatchObject({
      status: 'ok',
      cancelled: false,
      timedOut: false,
      stdinRequested: false,
    });
  });

  it('tells the session what is silent, and what belongs to the history', async () => {
    vi.stubEnv('KTX_KERNEL_TRACE', '1');
    const lines: string[] = [];
    const kernel = await start({ logger: { debug: (line) => void lines.push(line), warn: () => {} } });
    vi.unstubAllEnvs();
    lines.splice(0);
    for (const options of [
      {},
      { silent: true },
      { storeHistory: false },
      { silent: true, storeHistory: true },
    ])
      await kernel.execute('1', options);
    const sent = lines.flatMap((line) => /^-> \d+ execute (.*)$/.exec(line)?.[1] ?? []);
    expect(sent.map((text) => JSON.parse(text))).toEqual([
      { code: '1', silent: false, storeHistory: true },
      { code: '1', silent: true, storeHistory: false },
      { code: '1', silent: false, storeHistory: false },
      { code: '1', silent: true, storeHistory: true },
    ]);
  });

  it('stops at its time, stays usable, and is not interrupted later', async () => {
    const kernel = await shared();
    const { result } = await run(kernel, 'import time\ntime.sleep(1000)', { timeoutMs: 150 });
    expect(result).toMatchObject({
      status: 'error',
      cancelled: true,
      timedOut: true,
      error: { name: 'KeyboardInterrupt', value: 'Execution interrupted' },
    });
    expect((await run(kernel, '1+1')).text).toBe('2\n');
  });

  it('is interrupted by its signal, by hand, and in the tick of the call', async () => {
    const kernel = await shared();
    const stop = new AbortController();
    const bySignal = printed('looping\n');
    const first = kernel.execute(ENDLESS, { onChunk: bySignal.onChunk, signal: stop.signal });
    await bySignal.seen;
    stop.abort();
    expect(await first).toMatchObject({
      cancelled: true,
      timedOut: false,
      error: { name: 'KeyboardInterrupt' },
    });
    const byHand = printed('looping\n');
    const second = kernel.execute(ENDLESS, { onChunk: byHand.onChunk });
    await byHand.seen;
    await kernel.interrupt();
    expect(await second).toMatchObject({ status: 'error', error: { name: 'KeyboardInterrupt' } });
    const third = kernel.execute(ENDLESS);
    await kernel.interrupt();
    expect(await third).toMatchObject({ status: 'error', error: { name: 'KeyboardInterrupt' } });
    await kernel.interrupt();
    expect((await run(kernel, '1+1')).text).toBe('2\n');
  });

  it('never runs what was aborted in the queue, or before', async () => {
    const kernel = await shared();
    const stop = new AbortController();
    const { onChunk, seen } = printed('first runs');
    const first = run(kernel, "order = ['first']\nprint('first runs')\nimport time; time.sleep(0.1)", {
      onChunk,
    });
    const second = run(kernel, "order.append('second')", { signal: stop.signal });
    const third = run(kernel, "order.append('third')", { signal: AbortSignal.abort() });
    const fourth = run(kernel, 'order');
    await seen;
    stop.abort();
    for (const each of [await second, await third])
      expect(each.result).toEqual({
        status: 'error',
        cancelled: true,
        timedOut: false,
        stdinRequested: false,
      });
    expect((await first).result.status).toBe('ok');
    expect((await fourth).text).toBe("['first']\n");
  });

  it('is ended when it ignores interrupts', async () => {
    const kernel = await start({ interruptEscalationMs: 200 });
    const code = `import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n${ENDLESS}`;
    const { onChunk, seen } = printed('looping\n');
    const stop = new AbortController();
    const running = run(kernel, code, { onChunk, signal: stop.signal });
    const waiting = run(kernel, '1');
    await seen;
    stop.abort();
    expect(await running).toMatchObject({
      result: KILLED,
      text: 'looping\n[kernel] Python kernel shutdown\n',
    });
    expect(await waiting).toMatchObject({ result: KILLED, text: '[kernel] Python kernel shutdown\n' });
    expect(kernel.isAlive()).toBe(false);
    await expect(kernel.execute('1')).rejects.toThrow('Python kernel is not running');
    await kernel.interrupt();
    expect(await kernel.shutdown()).toEqual({ confirmed: true });
  });

  it('that ends by itself settles all, after the last output', async () => {
    const kernel = await start();
    expect(await kernel.endedText()).toBeNull();
    const running = run(
      kernel,
      "import os, sys\nos.write(2, b'a last word\\n')\nprint('bye')\nsys.stdout.flush()\nos._exit(7)",
    );
    const waiting = run(kernel, '1');
    expect(await running).toMatchObject({
      result: KILLED,
      text: 'bye\n[kernel] Python kernel exited with code 7\n',
    });
    expect(await waiting).toMatchObject({
      result: KILLED,
      text: '[kernel] Python kernel exited with code 7\n',
    });
    expect(kernel.isAlive()).toBe(false);
    expect(await kernel.endedText()).toBe('Python kernel exited with code 7\na last word');
  });

  it('names the signal that ended it', async () => {
    const kernel = await start();
    const { text } = await run(kernel, 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)');
    expect(text).toBe('[kernel] Python kernel exited with code SIGKILL\n');
    expect(await kernel.endedText()).toBe('Python kernel exited with code SIGKILL');
  });

  it('shares one shutdown', async () => {
    const kernel = await start();
    const first = kernel.shutdown({ timeoutMs: 10_000 });
    expect(kernel.shutdown()).toBe(first);
    expect(kernel.isAlive()).toBe(false);
    expect(await first).toEqual({ confirmed: true });
    expect(await kernel.shutdown()).toEqual({ confirmed: true });
    expect(await kernel.endedText()).toBe('Python kernel exited with code 0');
  });
});
