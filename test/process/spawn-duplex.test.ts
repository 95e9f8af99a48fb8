import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findPidsByEnvironment } from '../../src/process/process-table.ts';
import { type DuplexChild, spawnDuplex } from '../../src/process/spawn-duplex.ts';
import { hasProcFs, isRunning } from '../fixtures/family.ts';

async function start(script: string, cwd?: string): Promise<DuplexChild> {
  const child = await spawnDuplex({
    command: '/bin/sh',
    args: ['-c', script],
    cwd,
    env: { PATH: '/usr/bin:/bin', A: '1' },
  });
  onTestFinished(async () => {
    child.signalGroup('SIGKILL');
    await child.endStrays();
  });
  return child;
}

const firstLine = async (child: DuplexChild): Promise<string> =>
  String((await once(child.stdout, 'data'))[0]).trim();

describe.skipIf(process.platform === 'win32')('a child with three pipes', () => {
  it('reads, writes and complains, in the given folder and environment', async () => {
    const child = await start(
      'read line; echo "$line"; pwd; env | grep -v -e ^PWD -e ^_ -e ^SHLVL -e ^OLD | sort; echo bad >&2; exit 3',
      '/',
    );
    expect(child.isRunning()).toBe(true);
    child.stdin.end('hello\n');
    const [stdout, stderr, status] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      child.exited,
    ]);
    expect(stdout).toMatch(/^hello\n\/\nA=1\nKTX_PROCESS_MARK=[\da-f-]{36}\nPATH=\/usr\/bin:\/bin\n$/);
    expect(stderr).toBe('bad\n');
    expect(status).toEqual({ exitCode: 3, signal: null });
    expect(child.isRunning()).toBe(false);
    expect(child.signal('SIGTERM')).toBe(false);
  });

  it('gets a signal alone, and says what ended it', async () => {
    const child = await start('echo; exec sleep 60');
    await firstLine(child);
    expect(child.signal('SIGTERM')).toBe(true);
    expect(await child.exited).toEqual({ exitCode: null, signal: 'SIGTERM' });
    expect(child.isRunning()).toBe(false);
  });

  it.runIf(hasProcFs)('is the leader of a group, which is signalled as a whole', async () => {
    const child = await start('sleep 60 & echo $!; wait');
    const grandchild = Number(await firstLine(child));
    child.signalGroup('SIGTERM');
    await child.exited;
    await expect.poll(() => isRunning(grandchild)).toBe(false);
    // The group may be another's by now.
    child.signalGroup('SIGKILL');
  });

  it.runIf(hasProcFs)('leaves strays behind, which are ended', async () => {
    const child = await start('sleep 60 </dev/null >/dev/null 2>&1 & echo $! $KTX_PROCESS_MARK');
    const [pid, mark] = (await firstLine(child)).split(' ');
    await child.exited;
    expect(findPidsByEnvironment(`KTX_PROCESS_MARK=${mark}`)).toEqual([Number(pid)]);
    await child.endStrays();
    expect(findPidsByEnvironment(`KTX_PROCESS_MARK=${mark}`)).toEqual([]);
  });

  it('that no longer reads does not crash this process', async () => {
    const child = await start('exec <&-; echo; sleep 0.2');
    await firstLine(child);
    child.stdin.write('x'.repeat(1024 * 1024));
    expect(await child.exited).toEqual({ exitCode: 0, signal: null });
  });

  it('that does not exist is an error of the system', async () => {
    const starting = spawnDuplex({ command: '/nowhere/program', args: [], env: {} });
    await expect(starting).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
