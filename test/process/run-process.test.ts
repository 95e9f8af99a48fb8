import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunProcessOptions, runProcess } from '../../src/process/run-process.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { createRedactor } from '../../src/support/text/redaction.ts';
import {
  childOfStubborn,
  deserter,
  endNow,
  hasProcFs,
  isRunning,
  pidsIn,
  spawnsAtTerm,
} from '../fixtures/family.ts';
import { PATIENT } from '../fixtures/patient.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-run-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const started: number[] = [];
afterEach(() => {
  vi.useRealTimers();
  endNow(started.splice(0));
});

/** Runs a Node program and keeps its lines. */
function runNode(script: string, options: Partial<RunProcessOptions> = {}) {
  const lines: string[] = [];
  const done = runProcess({
    command: process.execPath,
    args: ['-e', script],
    onLines: (_stream, batch) => {
      lines.push(...batch);
      started.push(...pidsIn(batch));
    },
    ...options,
    onSpawn: (pid, mark) => {
      started.push(pid);
      options.onSpawn?.(pid, mark);
    },
  });
  done.catch(() => {});
  return { lines, done };
}

describe('run process', () => {
  it('resolves for any exit code, with both streams', async () => {
    const { done } = runNode("console.log('out'); console.error('err'); process.exitCode = 3;");
    expect(await done).toMatchObject({
      exitCode: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      isTruncated: false,
    });
  });

  it('says which signal ended the child', async () => {
    const { done } = runNode("process.kill(process.pid, 'SIGKILL')");
    expect(await done).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  });

  it('hands over every line by stream, the last one without its end too', async () => {
    const seen: Record<string, string[]> = { stdout: [], stderr: [] };
    await runNode("console.log('a\\nb'); console.error('c'); process.stdout.write('d')", {
      onLines: (stream, lines) => void seen[stream]!.push(...lines),
    }).done;
    expect(seen).toEqual({ stdout: ['a', 'b', 'd'], stderr: ['c'] });
  });

  it('uses no shell, and gives the child an empty stdin and exactly our environment', async () => {
    const awkward = '$HOME; echo "x" `id` %PATH% *';
    const script = `process.stdin.resume().on('end', () => {
      console.log(JSON.stringify([process.argv[1], Object.keys(process.env).sort()]));
    });`;
    const { done } = runNode('', { args: ['-e', script, awkward], env: { ONLY: 'this' } });
    const [argument, names] = JSON.parse((await done).stdout) as [string, string[]];
    expect(argument).toBe(awkward);
    expect(names).toEqual(['KTX_PROCESS_MARK', 'ONLY']);
  });

  it('rejects with the errno when the program is missing', async () => {
    await expect(runProcess({ command: join(folder, 'no-such-uv'), args: [] })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it.skipIf(process.platform === 'win32')('rejects with the errno when the program may not run', async () => {
    const path = join(folder, 'not-executable');
    await writeFile(path, '#!/bin/sh\n');
    await chmod(path, 0o644);
    await expect(runProcess({ command: path, args: [] })).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('names the folder when that is what is missing', async () => {
    const cwd = join(folder, 'no-such-folder');
    await expect(runProcess({ command: process.execPath, args: [], cwd })).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining(cwd),
    });
  });

  it('keeps the end of what was printed, and says that something is missing', async () => {
    const outcome = await runNode('for (let i = 0; i < 50_000; i++) console.log("line " + i)', {
      maxCaptureBytes: 100,
    }).done;
    expect(outcome.isTruncated).toBe(true);
    expect(outcome.stdout.length).toBeLessThanOrEqual(100);
    expect(outcome.stdout).toMatch(/^line \d+\n(line \d+\n)*line 49999\n$/);
  });

  it('masks lines and captured text', async () => {
    const redactor = createRedactor();
    const { lines, done } = runNode("console.error('error: https://me:pw@host.example/simple')", {
      mask: redactor.redact,
    });
    const masked = 'error: https://****@host.example/simple';
    expect((await done).stderr).toBe(`${masked}\n`);
    expect(lines).toEqual([masked]);
  });

  it('does not read on while a slow reader is busy, and loses nothing', async () => {
    const busy = { stdout: 0, stderr: 0 };
    let mostBusy = 0;
    let count = 0;
    await runNode('for (let i = 0; i < 30_000; i++) console.log("line of a flood: " + i)', {
      onLines: async (stream, lines) => {
        mostBusy = Math.max(mostBusy, ++busy[stream]);
        // Long enough for several chunks to be there if anybody read them.
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        count += lines.length;
        busy[stream]--;
      },
    }).done;
    expect(mostBusy).toBe(1);
    expect(count).toBe(30_000);
  });

  it('lets other work have its turn in the middle of a flood', async () => {
    let sinceTurn = 0;
    let most = 0;
    let isOver = false;
    const turn = (): void => {
      sinceTurn = 0;
      if (!isOver) setImmediate(turn);
    };
    turn();
    await runNode('process.stdout.write("x\\n".repeat(2_000_000))', {
      onLines: () => {
        most = Math.max(most, ++sinceTurn);
        for (const until = performance.now() + 5; performance.now() < until; );
      },
    }).done;
    isOver = true;
    expect(most).toBeLessThanOrEqual(2);
  });

  it('never ends a child for being silent', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'Date', 'performance'] });
    const releasePath = join(folder, 'release');
    const { lines, done } = runNode(
      `const { existsSync } = require('node:fs'); console.log('child', process.pid);
       const t = setInterval(() => { if (existsSync(${JSON.stringify(releasePath)})) { clearInterval(t); console.log('spoke') } }, 20);`,
    );
    await vi.waitFor(() => expect(lines.length).toBe(1), PATIENT);
    vi.advanceTimersByTime(7 * 24 * 3600 * 1000);
    expect(pidsIn(lines).filter(isRunning).length).toBe(1);
    await writeFile(releasePath, '');
    expect(await done).toMatchObject({ exitCode: 0 });
    expect(lines.at(-1)).toBe('spoke');
  });

  it('ends the child and says why when its reader fails', async () => {
    const { done } = runNode(`console.log('child', process.pid); setInterval(() => {}, 1000);`, {
      onLines: async (_stream, lines) => {
        started.push(...pidsIn(lines));
        throw new Error('no space left for the log');
      },
    });
    await expect(done).rejects.toThrow('no space left for the log');
    expect(new Set(started).size).toBe(1);
    expect(started.filter(isRunning)).toEqual([]);
  });
});

describe('cancelling', () => {
  it('starts nothing when it is cancelled before', async () => {
    const onSpawn = vi.fn();
    const { done } = runNode('', { signal: AbortSignal.abort(), onSpawn });
    await expect(done).rejects.toBeInstanceOf(CancelledError);
    expect(onSpawn).not.toHaveBeenCalled();
  });

  it('works in the moment of the start', async () => {
    const stop = new AbortController();
    const { done } = runNode('setInterval(() => {}, 1000)', {
      signal: stop.signal,
      onSpawn: () => stop.abort(),
    });
    await expect(done).rejects.toBeInstanceOf(CancelledError);
    expect(started.length).toBe(1);
    expect(started.filter(isRunning)).toEqual([]);
  });

  it('rejects only when the whole tree is gone, a grandchild that ignores SIGTERM included', async () => {
    const stop = new AbortController();
    const { lines, done } = runNode(childOfStubborn, { signal: stop.signal });
    await expect.poll(() => lines.length).toBe(2);
    stop.abort();
    await expect(done).rejects.toBeInstanceOf(CancelledError);
    expect(pidsIn(lines).filter(isRunning)).toEqual([]);
  });

  it.runIf(hasProcFs)('ends a grandchild whose parent had left before', async () => {
    const stop = new AbortController();
    const { lines, done } = runNode(deserter('kept'), { signal: stop.signal });
    await expect.poll(() => lines.length).toBe(2);
    await expect.poll(() => pidsIn(lines).filter(isRunning).length).toBe(1);
    stop.abort();
    await expect(done).rejects.toBeInstanceOf(CancelledError);
    expect(pidsIn(lines).filter(isRunning)).toEqual([]);
  });

  it.runIf(hasProcFs)('ends what a child leaves behind when it is asked to end', async () => {
    const stop = new AbortController();
    // Longer than a busy machine needs for an answer to SIGTERM.
    const { lines, done } = runNode(spawnsAtTerm('and leaves'), { signal: stop.signal, graceMs: 60_000 });
    await expect.poll(() => lines.length).toBe(1);
    stop.abort();
    await expect(done).rejects.toBeInstanceOf(CancelledError);
    expect(pidsIn(lines).length).toBe(2);
    expect(pidsIn(lines).filter(isRunning)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')(
    'does not wait for ever for a pipe that an unknown process holds',
    async () => {
      const stop = new AbortController();
      const { lines, done } = runNode(deserter('emptied'), { signal: stop.signal });
      await expect.poll(() => lines.length).toBe(2);
      await expect.poll(() => pidsIn(lines).filter(isRunning).length).toBe(1);
      stop.abort();
      await expect(done).rejects.toBeInstanceOf(CancelledError);
    },
  );

  it('hands over all that was printed before it rejects, to a slow reader too', async () => {
    const stop = new AbortController();
    const goPath = join(folder, 'go');
    const writtenPath = join(folder, 'written');
    const kept: string[] = [];
    const { done } = runNode(
      `const { existsSync, writeFileSync, writeSync } = require('node:fs');
       console.log('child', process.pid);
       const timer = setInterval(() => {
         if (!existsSync(${JSON.stringify(goPath)})) return;
         clearInterval(timer);
         writeSync(1, Array.from({ length: 200 }, (_, i) => 'row ' + i + '\\n').join('') + 'half a line');
         writeFileSync(${JSON.stringify(writtenPath)}, '');
         setInterval(() => {}, 1000);
       }, 5);`,
      {
        signal: stop.signal,
        onLines: async (_stream, lines) => {
          kept.push(...lines);
          if (kept.length > 1) return;
          // Holds the stream until the child is gone: the rest is in the pipe, and nobody writes to it any more.
          await writeFile(goPath, '');
          await expect.poll(() => existsSync(writtenPath)).toBe(true);
          stop.abort();
          await expect.poll(() => pidsIn(lines).filter(isRunning)).toEqual([]);
          await new Promise((resolve) => setTimeout(resolve, 100));
        },
      },
    );
    await expect(done).rejects.toBeInstanceOf(CancelledError);
    expect(kept.slice(1)).toEqual([
      ...Array.from({ length: 200 }, (_, index) => `row ${index}`),
      'half a line',
    ]);
  });

  it('leaves no listener on the signal', async () => {
    const stop = new AbortController();
    await runNode('', { signal: stop.signal }).done;
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });
});

describe.skipIf(process.platform === 'win32')('the end of this process', () => {
  it.each(['throw new Error("a fault of ours")', 'process.exit(4)'])(
    'takes the tree with it: %s',
    async (ending) => {
      const script = `
      import { runProcess } from ${JSON.stringify(new URL('../../src/process/run-process.ts', import.meta.url).href)};
      void runProcess({ command: process.execPath, args: ['-e', ${JSON.stringify(childOfStubborn)}],
        onLines: (_stream, lines) => { for (const line of lines) process.stdout.write(line + '\\n'); } });
      process.stdin.once('data', () => { ${ending} });`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      let output = '';
      parent.stdout.on('data', (chunk) => {
        output += chunk;
      });
      const pids = () => pidsIn(output.split('\n'));
      await expect.poll(() => pids().length).toBe(2);
      started.push(...pids());
      parent.stdin.write('now');
      await once(parent, 'exit');
      await expect.poll(() => pids().filter(isRunning)).toEqual([]);
    },
  );
});
