import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { endNow, isRunning } from '../fixtures/family.ts';
import { PATIENT } from '../fixtures/patient.ts';
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
    ])(`leaves nothing when code of Python ${minor} %s`, async (_name, code) => {
      const { host, pids } = startHost(path, FAMILY + code);
      const all = await pids();
      host.kill('SIGKILL');
      await vi.waitFor(() => expect(all.filter(isRunning)).toEqual([]), WITHIN);
    });
  }

  it('leaves nothing of an idle session', async () => {
    // The second request is never sent, because the host waits for a child that does not exist.
    const { host, pids } = startHost(anyInterpreter(), `${FAMILY}sys.stdout.write('idle soon')`, 'throw');
    const all = await pids();
    host.kill('SIGKILL');
    await vi.waitFor(() => expect(all.filter(isRunning)).toEqual([]), WITHIN);
  });

  /**
   * The first thread ends, which is what the system shows of a process that it takes down; another one closes the pipe and stays, as
   * long as a test needs.
   */
  const DYING_HOST = `import ctypes, json, os, platform, subprocess, sys, threading, time
mark = {'KTX_PROCESS_MARK': 'dying-%d' % os.getpid()}
session = subprocess.Popen([sys.executable, '-I', sys.argv[1]], stdin=-1, stdout=-1, env={**os.environ, **mark}, start_new_session=True)
def close_pipe():
    time.sleep(0.5)
    session.stdin.close()
    time.sleep(30)
code = "import subprocess; print('pids %d' % subprocess.Popen(['sleep', '1000'], start_new_session=True).pid)"
session.stdin.write(json.dumps({'id': '1', 'code': code}).encode() + b'\\n')
session.stdin.flush()
frame = session.stdout.readline()
while b'pids' not in frame: frame = session.stdout.readline()
print('pids', session.pid, *[word for word in json.loads(frame)['data'].split() if word.isdigit()], flush=True)
threading.Thread(target=close_pipe).start()
ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[platform.machine()], 0)
`;

  it.skipIf(process.platform !== 'linux')(
    'leaves nothing when the system takes long to take it down',
    async () => {
      const session = join(PACKAGE_ROOT, 'assets', 'kernel', 'session.py');
      const host = spawn(anyInterpreter(), ['-c', DYING_HOST, session], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      started.push(host.pid!);
      onTestFinished(() => void host.kill('SIGKILL'));
      let said = '';
      host.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      await vi.waitFor(() => expect(said).toMatch(/\n/), PATIENT);
      const pids = said.trim().split(' ').slice(1).map(Number);
      expect(pids).toHaveLength(2);
      started.push(...pids);
      await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), WITHIN);
    },
  );

  it('leaves nothing when it crashes', async () => {
    const { pids, exited } = startHost(anyInterpreter(), FAMILY, 'throw');
    const all = await pids();
    expect(await exited).toEqual([1, null]);
    await vi.waitFor(() => expect(all.filter(isRunning)).toEqual([]), WITHIN);
  });
});

describe('the terminal of a host', () => {
  it('does not reach the session with Ctrl+C', async () => {
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
