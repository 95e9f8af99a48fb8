import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  isProcessAlive,
  listProcesses,
  parsePowerShellProcesses,
  parsePsCommands,
  readProcessCommand,
} from '../../src/process/list-processes.ts';
import { hasProcFs } from '../fixtures/family.ts';

async function start(command: string, args: string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child as ChildProcess & { pid: number };
}

describe('listProcesses', () => {
  it('finds a real process with its exact arguments', async () => {
    const child = await start(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'two words', '']);
    const command = `${process.execPath} -e 'setInterval(() => {}, 1000)' 'two words' ''`;
    expect(await listProcesses()).toContainEqual({ pid: child.pid, command });
    expect(await readProcessCommand(child.pid)).toBe(command);
  });

  it('asks ps where there is no /proc', async () => {
    const child = await start('sleep', ['4242']);
    expect(await listProcesses('darwin')).toContainEqual({ pid: child.pid, command: 'sleep 4242' });
  });

  it('names the program that is missing or fails', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    onTestFinished(() => {
      process.env['PATH'] = path;
    });
    await expect(listProcesses('darwin')).rejects.toThrow(/^Processes cannot be listed with ps: .*ENOENT/);
    await expect(listProcesses('win32')).rejects.toThrow(
      /^Processes cannot be listed with powershell: .*ENOENT/,
    );
  });
});

describe('readProcessCommand', () => {
  it('is null for a pid that nobody has', async () => {
    const child = await start('true', []);
    await once(child, 'exit');
    expect(await readProcessCommand(child.pid)).toBeNull();
  });
});

describe('isProcessAlive', () => {
  it('is true while it runs and false once it is gone', async () => {
    const child = await start('sleep', ['60']);
    expect(await isProcessAlive(child.pid)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isProcessAlive(child.pid)).toBe(false);
  });

  it.runIf(hasProcFs)('is false for a zombie, which signal 0 finds', async () => {
    const fork =
      'import os, signal; p = os.fork(); p or os._exit(0); ' +
      'os.waitid(os.P_PID, p, os.WEXITED | os.WNOWAIT); print(p, flush=True); signal.pause()';
    const parent = await start('/usr/bin/python3', ['-c', fork]);
    const [line] = (await once(parent.stdout!, 'data')) as [Buffer];
    const zombie = Number(line.toString());
    expect(() => process.kill(zombie, 0)).not.toThrow();
    expect(await isProcessAlive(zombie)).toBe(false);
  });
});

describe('parsers', () => {
  it('of ps', () => {
    expect(parsePsCommands('    1 /sbin/launchd\n  402   ktx-daemon serve-http \n\nnonsense\n')).toEqual([
      { pid: 1, command: '/sbin/launchd' },
      { pid: 402, command: 'ktx-daemon serve-http' },
    ]);
  });

  it.each([
    ['nothing', ' \r\n', []],
    ['one object', '{"ProcessId":7,"CommandLine":"a b"}', [{ pid: 7, command: 'a b' }]],
    [
      'an array, processes without a command line left out',
      '[{"ProcessId":0,"CommandLine":null},{"ProcessId":4},{"ProcessId":7,"CommandLine":"\\"C:\\\\x y\\\\uv.exe\\" run"}]',
      [{ pid: 7, command: '"C:\\x y\\uv.exe" run' }],
    ],
  ])('of PowerShell: %s', (_name, text, processes) => {
    expect(parsePowerShellProcesses(text)).toEqual(processes);
  });
});
