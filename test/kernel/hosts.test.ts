import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { endNow, isRunning, PATIENT } from '../fixtures/family.ts';
import { anyInterpreter, findInterpreters } from './interpreters.ts';

/** The promise is ten seconds. */
const WITHIN = { timeout: 10_000, interval: 50 };

const started: number[] = [];
afterEach(() => endNow(started.splice(0)));

/** A host in its own process group, as under a terminal. */
function startHost(pythonPath: string, code: string, ...more: string[]) {
  const script = join(import.meta.dirname, 'host-process.ts');
  const host = spawn(process.execPath, [script, pythonPath, code, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  started.push(host.pid!);
  let text = '';
  host.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  host.stderr.resume();
  return {
    host,
    text: () => text,
    exited: once(host, 'exit'),
    /** Waits for a line `pids 1 2 3` and returns the pids. */
    async pids(): Promise<number[]> {
      await vi.waitFor(() => expect(text).toMatch(/pids .*\n/), PATIENT);
      const pids = /pids (.*)\n/.exec(text)![1]!.split(' ').map(Number);
      started.push(...pids);
      return pids;
    },
  };
}

const FAMILY = `import os, signal, subprocess, sys
near = subprocess.Popen(['sleep', '1000'])
far = subprocess.Popen(['sleep', '1000'], start_new_session=True)
sys.stdout.write('pids %d %d %d\\n' % (os.getpid(), near.pid, far.pid))
`;

describe('a host that is killed', () => {
  for (const { minor, path } of findInterpreters()) {
    if (path === null) continue;
    it.each([
      ['sleeps', 'import time\ntime.sleep(1000)'],
      ['loops', 'while True: pass'],
      ['holds the interpreter lock', "import re\nre.match('(a+)+$', 'a' * 60 + 'b')"],
      [
        'ignores every signal',
        'for n in range(1, 32):\n  try: signal.signal(n, signal.SIG_IGN)\n  except OSError: pass\nwhile True: pass',
      ],
      ['floods', "while True: print('x' * 1000)"],
    ])(`leaves nothing when code of Python ${minor} %s`, { timeout: 60_000 }, async (_name, code) => {
      const { host, pids } = startHost(path, FAMILY + code);
      const all = await pids();
      host.kill('SIGKILL');
      await vi.waitFor(() => expect(all.filter(isRunning)).toEqual([]), WITHIN);
    });
  }

  it('leaves nothing of an idle session', { timeout: 60_000 }, async () => {
    // The second request is never sent, because the host waits for a child that does not exist.
    const { host, pids } = startHost(anyInterpreter(), `${FAMILY}sys.stdout.write('idle soon')`, 'throw');
    const all = await pids();
    host.kill('SIGKILL');
    await vi.waitFor(() => expect(all.filter(isRunning)).toEqual([]), WITHIN);
  });

  it('leaves nothing when it crashes', { timeout: 60_000 }, async () => {
    const { pids, exited } = startHost(anyInterpreter(), FAMILY, 'throw');
    const all = await pids();
    expect(await exited).toEqual([1, null]);
    await vi.waitFor(() => expect(all.filter(isRunning)).toEqual([]), WITHIN);
  });
});

describe('the terminal of a host', () => {
  it('does not reach the session with Ctrl+C', { timeout: 60_000 }, async () => {
    const code = `import time
print('pids %d' % __import__('os').getpid())
time.sleep(0.5)
print('finished')`;
    const { host, pids, text, exited } = startHost(anyInterpreter(), code);
    await pids();
    process.kill(-host.pid!, 'SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(text()).toMatch(/finished\nok\n$/);
  });
});
