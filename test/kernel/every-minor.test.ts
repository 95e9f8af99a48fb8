import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { isRunning } from '../fixtures/family.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { findInterpreters } from './interpreters.ts';
import { createSessions, printed, run } from './sessions.ts';

const ENDLESS = `print('looping')
while True:
    pass`;

/** Prints once its loop is running: a loop interrupted during creation complains when it is collected. */
const IN_A_LOOP = `async def looping():
    print('looping')
    await asyncio.sleep(1000)
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-kernel-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

for (const { minor, path } of findInterpreters()) {
  if (path === null) {
    it.skip(`Python ${minor} is not on this machine`);
    continue;
  }
  describe(`Python ${minor}`, () => {
    const { start, shared, endAll } = createSessions(path);
    afterEach(() => {
      vi.useRealTimers();
      vi.unstubAllEnvs();
    });
    afterAll(endAll);

    it('shows the value of a trailing expression', async () => {
      const kernel = await shared();
      const { result, chunks } = await run(kernel, '1+1');
      expect(result).toMatchObject({
        status: 'ok',
        cancelled: false,
        timedOut: false,
        stdinRequested: false,
      });
      expect(result.error).toBeUndefined();
      expect(chunks).toEqual(['2\n']);
      // Init and prelude ran before.
      expect(result.executionCount).toBeGreaterThan(2);
    });

    it('keeps variables, imports and the working directory', async () => {
      const kernel = await shared();
      await run(kernel, `import os, json\nvalue = {'a': 1}\nos.chdir(${JSON.stringify(folder)})`);
      const { text } = await run(kernel, 'print(json.dumps(value), __name__, os.getcwd())');
      expect(text).toBe(`{"a": 1} __main__ ${realpathSync(folder)}\n`);
    });

    it('keeps the order of both streams, and of text without a line end before a result', async () => {
      const kernel = await shared();
      const code = `import sys
for i in range(3):
    print('out', i)
    print('err', i, file=sys.stderr)
sys.stdout.write('no line end')
42`;
      const { text } = await run(kernel, code);
      expect(text).toBe('out 0\nerr 0\nout 1\nerr 1\nout 2\nerr 2\nno line end42\n');
    });

    it('reports an exception with a traceback that starts at user code, and goes on', async () => {
      const kernel = await shared();
      const { result, text } = await run(kernel, 'def inner():\n    return 1/0\ninner()');
      expect(result).toMatchObject({ status: 'error', cancelled: false });
      expect(result.error).toMatchObject({ name: 'ZeroDivisionError', value: 'division by zero' });
      const { traceback } = result.error!;
      expect(traceback[0]).toBe('Traceback (most recent call last):');
      expect(traceback[1]).toMatch(/File "<request \d+>", line 3, in <module>/);
      expect(traceback).toContain('    return 1/0');
      expect(traceback.join('\n')).not.toContain('session.py');
      expect(text).toBe(`${traceback.join('\n')}\n`);
      expect((await run(kernel, '1+1')).text).toBe('2\n');
    });

    it.each([
      ['def f(:', 'SyntaxError'],
      ['print(1)\nreturn', 'SyntaxError'],
      ["print('never')\n[(x := 1) for x in y]", 'SyntaxError'],
      ["'\\ud800' + 1", 'TypeError'],
      ["raise Exception('a' * 10 ** 6)", 'Exception'],
      ['class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd', 'Odd'],
      ['def deep(): deep()\ndeep()', 'RecursionError'],
      ['raise MemoryError', 'MemoryError'],
      ['raise GeneratorExit', 'GeneratorExit'],
      ['class Bad:\n    def __repr__(self): raise ValueError("no repr")\nBad()', 'ValueError'],
      ['x = 1\0', /SyntaxError|ValueError/],
    ])('survives %j', async (code, name) => {
      const kernel = await shared();
      const { result, text } = await run(kernel, code);
      expect(result).toMatchObject({ status: 'error', cancelled: false });
      expect(result.error!.name).toMatch(name);
      expect(text).not.toContain('never');
      expect((await run(kernel, '1+1')).text).toBe('2\n');
    });

    it('takes SystemExit for an ordinary error', async () => {
      const kernel = await shared();
      const { result } = await run(kernel, 'raise SystemExit(3)');
      expect(result).toMatchObject({ status: 'error', cancelled: false });
      expect(result.error).toMatchObject({ name: 'SystemExit', value: '3' });
      expect(kernel.isAlive()).toBe(true);
    });

    it('runs top-level await to its end', async () => {
      const kernel = await shared();
      const code = `import asyncio
async def later(): await asyncio.sleep(0.01); return 'awaited'
value = await later()
print(value)
await later()`;
      expect((await run(kernel, code)).text).toBe("awaited\n'awaited'\n");
      const failed = await run(kernel, 'await asyncio.sleep(0)\n1/0');
      expect(failed.result.error!.traceback[1]).toMatch(/<request/);
      // The loop is kept: one request can await what an earlier one created.
      await run(kernel, 'task = asyncio.ensure_future(later())\nawait asyncio.sleep(0)');
      expect((await run(kernel, 'await task')).text).toBe("'awaited'\n");
    });

    it('interrupts at the timeout and stays usable', async () => {
      const kernel = await shared();
      const { result } = await run(kernel, 'import time\ntime.sleep(1000)', { timeoutMs: 200 });
      expect(result).toMatchObject({ status: 'error', cancelled: true, timedOut: true });
      expect(result.error).toMatchObject({ name: 'KeyboardInterrupt', value: 'Execution interrupted' });
      expect((await run(kernel, '1+1')).text).toBe('2\n');
    });

    it.each([
      ['a loop', ENDLESS],
      [
        'a lock',
        "import threading\nprint('looping', flush=True)\nl = threading.Lock(); l.acquire(); l.acquire()",
      ],
      ['a child process', "import subprocess, sys\nprint('looping')\nsubprocess.run(['sleep', '1000'])"],
      ['an await', "import asyncio\nprint('looping')\nawait asyncio.sleep(1000)"],
      ['asyncio.run', `import asyncio\n${IN_A_LOOP}asyncio.run(looping())`],
      ['a flood of output', "print('looping')\nwhile True: print('x' * 100)"],
    ])('aborts %s', async (_name, code) => {
      const kernel = await shared();
      const stop = new AbortController();
      const { onChunk, seen } = printed('looping\n');
      const running = kernel.execute(code, { onChunk, signal: stop.signal });
      await seen;
      stop.abort();
      expect(await running).toMatchObject({
        status: 'error',
        cancelled: true,
        timedOut: false,
        error: { name: 'KeyboardInterrupt' },
      });
      // Collect now what the interrupt left unfinished, so that it does not complain in a later test.
      await run(kernel, 'import gc\ngc.collect()');
      expect((await run(kernel, '1+1')).text).toBe('2\n');
    });

    it('takes an abort for a timeout when its reason says so', async () => {
      const kernel = await shared();
      const { result } = await run(kernel, ENDLESS, { signal: AbortSignal.timeout(100) });
      expect(result).toMatchObject({ cancelled: true, timedOut: true });
    });

    it('never runs a request whose signal has fired before', async () => {
      const kernel = await shared();
      const trace = join(folder, `pre-aborted-${minor}`);
      const code = `open(${JSON.stringify(trace)}, 'w')`;
      const { result } = await run(kernel, code, { signal: AbortSignal.abort() });
      expect(result).toMatchObject({ status: 'error', cancelled: true, timedOut: false });
      await run(kernel, '1');
      expect(existsSync(trace)).toBe(false);
    });

    it('runs one request at a time, and never one that was aborted in the queue', async () => {
      const kernel = await shared();
      const stop = new AbortController();
      const { onChunk, seen } = printed('first runs');
      const first = run(kernel, "import time\nprint('first runs')\ntime.sleep(0.3)\norder = ['first']", {
        onChunk,
      });
      const second = run(kernel, "order.append('second')", { signal: stop.signal });
      const third = run(kernel, 'order');
      await seen;
      stop.abort();
      expect((await second).result).toMatchObject({ status: 'error', cancelled: true });
      expect((await second).result.executionCount).toBeUndefined();
      expect((await first).result).toMatchObject({ status: 'ok', cancelled: false });
      expect((await third).text).toBe("['first']\n");
    });

    it('ends code that ignores interrupts', async () => {
      const kernel = await start({ interruptEscalationMs: 300 });
      const code = `import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
${ENDLESS}`;
      const { result, text } = await run(kernel, code, { timeoutMs: 500 });
      expect(result).toMatchObject({ status: 'error', cancelled: true, timedOut: true, kernelKilled: true });
      expect(text).toBe('looping\n[kernel] Python kernel shutdown\n');
      expect(kernel.isAlive()).toBe(false);
      expect(await kernel.shutdown()).toEqual({ confirmed: true });
    });

    it('repeats an interrupt that code has swallowed', async () => {
      const kernel = await start({ interruptEscalationMs: 60_000 });
      const code = `print('looping')
try:
    while True: pass
except KeyboardInterrupt:
    pass
while True: pass`;
      const stop = new AbortController();
      const { onChunk, seen } = printed('looping\n');
      const running = kernel.execute(code, { onChunk, signal: stop.signal });
      await seen;
      stop.abort();
      expect(await running).toMatchObject({ cancelled: true, error: { name: 'KeyboardInterrupt' } });
      expect(kernel.isAlive()).toBe(true);
    });

    it('ignores an interrupt while idle, whatever handler code has left behind', async () => {
      const kernel = await shared();
      await kernel.interrupt();
      expect((await run(kernel, '1+1')).text).toBe('2\n');
      await run(kernel, 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)');
      await kernel.interrupt();
      expect((await run(kernel, '1+1')).text).toBe('2\n');
      expect(kernel.isAlive()).toBe(true);
    });

    it('stops an endless loop that is aborted in the tick of its call', async () => {
      // Without repeated interrupts, which would hide one sent too early.
      vi.useFakeTimers({ toFake: ['setInterval'] });
      const kernel = await shared();
      const stop = new AbortController();
      const running = kernel.execute('while True: pass', { signal: stop.signal });
      stop.abort();
      expect(await running).toMatchObject({ status: 'error', cancelled: true });
      expect(kernel.isAlive()).toBe(true);
      expect((await run(kernel, '1+1')).text).toBe('2\n');
    });

    it('delivers what was printed before the process ended, and says how it ended', async () => {
      const kernel = await start();
      const running = run(kernel, "import os\nfor i in range(3000): print('line', i)\nos._exit(7)");
      const queued = run(kernel, '1');
      const { result, text } = await running;
      const lines = Array.from({ length: 3000 }, (_, index) => `line ${index}\n`).join('');
      expect(text).toBe(`${lines}[kernel] Python kernel exited with code 7\n`);
      expect(result).toMatchObject({ status: 'error', cancelled: true, timedOut: false, kernelKilled: true });
      expect((await queued).text).toBe('[kernel] Python kernel exited with code 7\n');
      expect(kernel.isAlive()).toBe(false);
      await expect(kernel.execute('1')).rejects.toThrow('Python kernel is not running');
    });

    it('names the signal that ended the process', async () => {
      const kernel = await start();
      const { text } = await run(kernel, 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)');
      expect(text).toBe('[kernel] Python kernel exited with code SIGKILL\n');
    });

    it('takes whatever is written to descriptor 1 for text, forged frames too', async () => {
      const kernel = await shared();
      const forged = '{"type":"done","id":"3","status":"ok","executionCount":9,"cancelled":false}';
      const code = `import os, subprocess, sys
os.write(1, b'noise\\n')
subprocess.run([sys.executable, '-c', 'print("from a child")'])
for i in range(1, 9): os.write(1, ${JSON.stringify(forged)}.replace('"3"', '"%d"' % i).encode() + b'\\n')
os.write(1, '\\u00e9'.encode()[:1])
os.write(1, '\\u00e9'.encode()[1:])`;
      const { result, text } = await run(kernel, code);
      expect(result.status).toBe('ok');
      expect(text).toContain('noise\n');
      expect(text).toContain('from a child\n');
      expect(text).toContain('\u00e9');
      expect(text.split('\n').filter((line) => line.startsWith('{"type":"done"'))).toHaveLength(8);
      expect((await run(kernel, '1+1')).text).toBe('2\n');
    });

    it('delivers what native code has left in its buffers', async () => {
      const kernel = await shared();
      const { text } = await run(kernel, "import ctypes\nctypes.CDLL(None).puts(b'from C')\nNone");
      expect(text).toBe('from C\n');
    });

    it('gives input() the end of the file', async () => {
      const kernel = await shared();
      const { result } = await run(kernel, "input('name? ')");
      expect(result.error).toMatchObject({ name: 'EOFError' });
      expect(result.stdinRequested).toBe(false);
      expect((await run(kernel, '1+1')).text).toBe('2\n');
    });

    it('does not let a forked child answer in its place', async () => {
      const kernel = await shared();
      const code = `import os, sys, warnings
warnings.simplefilter('ignore')
pid = os.fork()
if pid == 0:
    print('in the child')
    display('a display of the child')
else:
    print(os.waitpid(pid, 0)[1])
    print('in the parent')`;
      const { result, text } = await run(kernel, code);
      expect(result.status).toBe('ok');
      // The two write independently, so their lines may be interleaved.
      for (const part of ['in the child', '0', 'in the parent']) expect(text).toContain(part);
      expect(text.replaceAll('\n', '')).toHaveLength('in the child0in the parent'.length);
      expect((await run(kernel, '1+1')).text).toBe('2\n');
    });

    it('shows JSON, images and status events as outputs', async () => {
      const kernel = await shared();
      const code = `display({'application/json': {'a': [1, None], 'nan': float('nan'), (1, 2): object}}, raw=True)
display({'application/json': [float('nan'), -float('inf')]}, raw=True)
display({'image/png': 'aGk='}, raw=True)
ktx_status('phase', done=1)
class Picture:
    def _repr_png_(self): return b'hi'
    def _repr_html_(self): raise ValueError
    def _repr_markdown_(self): return '# Title'
    def __repr__(self): return 'a picture'
Picture()`;
      const { result, text, outputs } = await run(kernel, code);
      expect(result.status).toBe('ok');
      expect(outputs).toEqual([
        { type: 'json', data: { a: [1, null], nan: 'nan', '(1, 2)': "<class 'object'>" } },
        { type: 'json', data: ['nan', '-inf'] },
        { type: 'image', data: 'aGk=', mimeType: 'image/png' },
        { type: 'status', event: { op: 'phase', done: 1 } },
        { type: 'image', data: 'aGk=', mimeType: 'image/png' },
        { type: 'markdown' },
      ]);
      expect(text).toBe('# Title\n');
      const refused = await run(kernel, 'display(1, raw=True)');
      expect(refused.result.error!.name).toBe('TypeError');
    });

    it('keeps text intact: multi-byte characters, a line of a mebibyte, a lone surrogate', async () => {
      const kernel = await shared();
      const { text } = await run(kernel, "print('\u00e9\u4e2d\ud83d\ude00' * 50_000)");
      expect(text === `${'\u00e9\u4e2d\ud83d\ude00'.repeat(50_000)}\n`).toBe(true);
      const line = await run(kernel, "print('x' * 2 ** 20)");
      expect(line.text.length).toBe(2 ** 20 + 1);
      const bytes = "import sys\nfor b in '\u00e9'.encode(): sys.stdout.buffer.write(bytes([b]))\nNone";
      expect((await run(kernel, bytes)).text).toBe('\u00e9');
      expect((await run(kernel, "print('\\ud800')")).text).toBe('\\ud800\n');
    });

    it('never mixes partial lines of threads', async () => {
      const kernel = await shared();
      const code = `import threading
def write(name):
    for i in range(500): print('%s-%d' % (name * 50, i), flush=True)
threads = [threading.Thread(target=write, args=(name,)) for name in 'abcd']
for t in threads: t.start()
for t in threads: t.join()`;
      const { result, text } = await run(kernel, code);
      expect(result.status).toBe('ok');
      // print() writes text and line end separately, so threads may share a line.
      const pieces = text.match(/(?:a{50}|b{50}|c{50}|d{50})-\d+/g)!;
      expect(pieces).toHaveLength(2000);
      for (const name of ['a', 'b', 'c', 'd']) {
        const numbers = pieces
          .filter((piece) => piece.startsWith(name))
          .map((piece) => Number(piece.split('-')[1]));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    });

    it('sees the virtual environment and none of the caller secrets', async () => {
      const venv = join(folder, `venv-${minor}`);
      await promisify(execFile)(path, ['-m', 'venv', '--without-pip', venv]);
      vi.stubEnv('OPENAI_API_KEY', 'sk-secret');
      vi.stubEnv('PYTHONPATH', folder);
      vi.stubEnv('PYTHONSTARTUP', join(folder, 'start.py'));
      vi.stubEnv('VIRTUAL_ENV', '/elsewhere');
      vi.stubEnv('CONDA_PREFIX', '/conda');
      const env = { GIVEN: 'caf\u00e9 "quoted" \\ \n', PYTHONNOUSERSITE: '0', LEFT_OUT: undefined };
      const kernel = await start({ pythonPath: join(venv, 'bin', 'python'), env });
      const code = `import json, os, sys
display({'application/json': {'env': dict(os.environ), 'prefix': sys.prefix, 'path': sys.path, 'argv': sys.argv}}, raw=True)`;
      const { outputs } = await run(kernel, code);
      const { data } = outputs[0] as {
        data: { env: Record<string, string>; prefix: string; path: string[] };
      };
      for (const name of ['OPENAI_API_KEY', 'PYTHONPATH', 'PYTHONSTARTUP', 'CONDA_PREFIX', 'LEFT_OUT'])
        expect(data.env).not.toHaveProperty(name);
      expect(data.env).toMatchObject({
        VIRTUAL_ENV: venv,
        GIVEN: env.GIVEN,
        PYTHONUNBUFFERED: '1',
        PYTHONIOENCODING: 'utf-8',
        PYTHONNOUSERSITE: '1',
      });
      expect(data.env['PATH']!.startsWith(`${join(venv, 'bin')}:`)).toBe(true);
      expect(realpathSync(data.prefix)).toBe(realpathSync(venv));
      expect(data.path[0]).toBe(tmpdir());
      expect(data.path.some((entry) => entry.includes(join('assets', 'kernel')))).toBe(false);
    });

    it('ends by itself when it is asked to, without a signal', async () => {
      const kernel = await start();
      const ending = join(folder, `ending-${minor}`);
      const code = `import atexit, os, signal
def note(text):
    with open(${JSON.stringify(ending)}, 'a') as out: out.write(text)
signal.signal(signal.SIGTERM, lambda *_: note('SIGTERM'))
signal.signal(signal.SIGHUP, lambda *_: note('SIGHUP'))
atexit.register(note, 'clean')
os.getpid()`;
      const pid = Number((await run(kernel, code)).text);
      // Far longer than the test's limit: a missed exit would fail it.
      expect(await kernel.shutdown({ timeoutMs: 600_000 })).toEqual({ confirmed: true });
      expect(isRunning(pid)).toBe(false);
      expect(await readFile(ending, 'utf8')).toBe('clean');
      expect(await kernel.shutdown()).toEqual({ confirmed: true });
    });

    it('kills a process that ignores exit and SIGTERM, with everything it started', async () => {
      const kernel = await start();
      const code = `import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
near = subprocess.Popen(['sleep', '1000'])
far = subprocess.Popen(['sleep', '1000'], start_new_session=True)
print('pids', os.getpid(), near.pid, far.pid, 'end')
while True: time.sleep(1000)`;
      const { onChunk, seen } = printed('end');
      const running = kernel.execute(code, { onChunk });
      const pids = (await seen).match(/\d+/g)!.map(Number);
      expect(pids).toHaveLength(3);
      const [first, second] = [kernel.shutdown({ timeoutMs: 200 }), kernel.shutdown()];
      expect(await first).toEqual({ confirmed: true });
      expect(await second).toEqual({ confirmed: true });
      expect(await running).toMatchObject({ status: 'error', cancelled: true, kernelKilled: true });
      await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), PATIENT);
    });
  });
}
