import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  findPidsByEnvironment,
  parseProcStat,
  parsePsLine,
  readProcessStart,
  readProcessTable,
  withDescendants,
} from '../../src/process/process-table.ts';

const entry = (pid: number, parentPid: number) => ({ pid, parentPid, start: `s${pid}` });

describe('process table', () => {
  it.each([
    [
      'a plain name',
      '4242 (uv) S 17 4242 4242 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 8 0 98765 123 4 5',
      { pid: 4242, parentPid: 17, start: '98765' },
    ],
    [
      'a name with spaces and parentheses',
      '7 (my (odd) name 1) R 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 8 0 55 123 4 5',
      { pid: 7, parentPid: 1, start: '55' },
    ],
    ['a zombie', '7 (uv) Z 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 8 0 55 123 4 5', null],
    ['nothing, because the process is gone', '', null],
  ])('reads /proc/<pid>/stat: %s', (_name, text, expected) => {
    expect(parseProcStat(text)).toEqual(expected);
  });

  it.each([
    [
      '  501     1 Ss   Sat Nov  1 09:12:33 2025    ',
      { pid: 501, parentPid: 1, start: 'Sat Nov  1 09:12:33 2025' },
    ],
    ['77 501 Z+ Sat Nov  1 09:12:33 2025', null],
    ['', null],
  ])('reads a line of ps: %j', (line, expected) => {
    expect(parsePsLine(line)).toEqual(expected);
  });

  it('walks down from the roots and no further', () => {
    const table = [entry(1, 0), entry(10, 1), entry(12, 11), entry(11, 10), entry(20, 1), entry(21, 20)];
    const pids = (roots: number[]) =>
      withDescendants(table, roots)
        .map(({ pid }) => pid)
        .sort((a, b) => a - b);
    expect(pids([10])).toEqual([10, 11, 12]);
    expect(pids([12, 21])).toEqual([12, 21]);
    expect(pids([99])).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('finds this process, here and with ps', () => {
    for (const platform of [process.platform, 'darwin'] as const) {
      const own = readProcessTable(platform).find(({ pid }) => pid === process.pid);
      expect(own?.parentPid).toBe(process.ppid);
    }
    expect(readProcessStart(process.pid)).toMatch(/\S/);
    expect(readProcessStart(process.pid)).toBe(readProcessStart(process.pid));
  });

  it.runIf(process.platform === 'linux')(
    'finds a child by its environment, and by the whole value only',
    async () => {
      const child = spawn('sleep', ['60'], { env: { PATH: process.env['PATH'], KTX_TEST_MARK: 'abc-123' } });
      try {
        await once(child, 'spawn');
        await expect.poll(() => findPidsByEnvironment('KTX_TEST_MARK=abc-123')).toEqual([child.pid]);
        expect(findPidsByEnvironment('KTX_TEST_MARK=abc')).toEqual([]);
        expect(findPidsByEnvironment('TEST_MARK=abc-123')).toEqual([]);
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      expect(readProcessStart(child.pid!)).toBeNull();
    },
  );
});
