import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { killTree, killTreeNow } from '../../src/process/kill-tree.ts';
import {
  isOwnProcess,
  isProcessAlive,
  listProcesses,
  readProcessCommand,
} from '../../src/process/list-processes.ts';
import {
  canSeeProcesses,
  findPidsByEnvironment,
  readProcessStart,
  readProcessTable,
  readProcessVariable,
  showsProcesses,
} from '../../src/process/process-table.ts';
import { syncFileSystems } from '../../src/process/sync-file-systems.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { asPlatform, shellProgram, withPath } from '../fixtures/as-platform.ts';
import { isRunning } from '../fixtures/family.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** A child that sleeps, in a group of its own. */
async function sleeper(script = 'sleep 60') {
  const child = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin', KTX_TEST_VARIABLE: 'a=b', KTX_TEST_EMPTY: '' },
  });
  await once(child, 'spawn');
  onTestFinished(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It has ended.
    }
  });
  return child as typeof child & { pid: number };
}

describe.skipIf(process.platform === 'win32')('as on Windows', () => {
  /** Programs that write down how they were called. */
  async function noted(name: string, exitCode = 0) {
    const folder = await temporaryFolder();
    await shellProgram(folder, name, `echo "$*" >>'${join(folder, 'calls')}'; exit ${exitCode}`);
    asPlatform('win32');
    withPath(folder);
    return () => readFile(join(folder, 'calls'), 'utf8').catch(() => '');
  }

  it.each([0, 1])('taskkill ends a tree, and its exit code %i does not matter', async (exitCode) => {
    const calls = await noted('taskkill', exitCode);
    await killTree(4711);
    await killTree({ pid: null, mark: 'KTX_PROCESS_MARK=x' });
    killTreeNow({ pid: 4712 });
    killTreeNow({ pid: null });
    expect(await calls()).toBe('/pid 4711 /T /F\n/pid 4712 /T /F\n');
  });

  it('without a taskkill nothing is thrown', async () => {
    asPlatform('win32');
    withPath(await temporaryFolder());
    await killTree(4711);
    killTreeNow({ pid: 4711 });
  });

  it('others list the processes: there is no table, and they count as seen', () => {
    asPlatform('win32');
    expect(readProcessTable()).toEqual([]);
    expect(canSeeProcesses()).toBe(true);
    expect(showsProcesses([])).toBe(false);
    expect(readProcessStart(process.pid)).toBeNull();
    expect(findPidsByEnvironment('PATH=/x')).toEqual([]);
    expect(readProcessVariable(process.pid, 'PATH')).toBeNull();
  });

  it('PowerShell lists the command lines', async () => {
    const folder = await temporaryFolder();
    await shellProgram(folder, 'powershell', `echo '[{"ProcessId":7,"CommandLine":"a b"}]'`);
    withPath(folder);
    expect(await listProcesses('win32')).toEqual([{ pid: 7, command: 'a b' }]);
    asPlatform('win32');
    expect(await readProcessCommand(7)).toBe('a b');
    expect(await readProcessCommand(8)).toBeNull();
  });
});

describe.skipIf(process.platform === 'win32')('as on macOS', () => {
  it('ps shows the processes', async () => {
    const child = await sleeper();
    asPlatform('darwin');
    expect(canSeeProcesses()).toBe(true);
    expect(showsProcesses(readProcessTable())).toBe(true);
    expect(showsProcesses([{ pid: child.pid, parentPid: process.pid, start: 'x' }])).toBe(false);
    expect(readProcessStart(child.pid)).toMatch(/^\w{3} \w{3} .* \d{4}$/);
    expect(readProcessStart(2 ** 22 + 1)).toBeNull();
    expect(findPidsByEnvironment('KTX_TEST_VARIABLE=a=b')).toEqual([]);
    expect(readProcessVariable(child.pid, 'KTX_TEST_VARIABLE')).toBeNull();
    expect(await readProcessCommand(child.pid)).toContain('sleep 60');
    expect(await isProcessAlive(child.pid)).toBe(true);
    expect(await isOwnProcess(child.pid)).toBe(true);
    await killTree(child.pid, 2000);
    expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGTERM');
    expect(await isOwnProcess(child.pid)).toBe(false);
  });

  it('without ps a tree is ended by its group', async () => {
    const child = await sleeper('sleep 60 & echo $!; wait');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const grandchild = Number(line.toString());
    const exited = once(child, 'exit');
    asPlatform('darwin');
    withPath(await temporaryFolder());
    expect(canSeeProcesses()).toBe(false);
    expect(showsProcesses(readProcessTable())).toBe(false);
    await killTree({ pid: null, mark: 'KTX_PROCESS_MARK=x' });
    // The child is a zombie until this process reaps it.
    await Promise.all([killTree(child.pid, 50), exited]);
    await expect.poll(() => runs(grandchild)).toBe(false);
  });

  it('nor is there a quick way to flush file systems', async () => {
    const folder = await temporaryFolder();
    await shellProgram(folder, 'sync', 'exit 0');
    asPlatform('darwin');
    withPath(folder);
    expect(await syncFileSystems([folder])).toBe(false);
  });
});

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return isZombieFree(pid);
}

function isZombieFree(pid: number): boolean {
  const own = Object.getOwnPropertyDescriptor(process, 'platform')!;
  Object.defineProperty(process, 'platform', { ...own, value: 'linux' });
  try {
    return isRunning(pid);
  } finally {
    Object.defineProperty(process, 'platform', own);
  }
}

describe.runIf(process.platform === 'linux')('on Linux', () => {
  it('reads a variable of a process', async () => {
    const child = await sleeper();
    expect(readProcessVariable(child.pid, 'KTX_TEST_VARIABLE')).toBe('a=b');
    expect(readProcessVariable(child.pid, 'KTX_TEST_EMPTY')).toBe('');
    expect(readProcessVariable(child.pid, 'KTX_TEST')).toBeNull();
    expect(readProcessVariable(child.pid, 'TEST_VARIABLE')).toBeNull();
    expect(canSeeProcesses()).toBe(true);
    expect(showsProcesses([])).toBe(true);
    expect(await isOwnProcess(child.pid)).toBe(true);
    expect(await isProcessAlive(1)).toBe(true);
  });

  describe('flushes the file systems of folders', () => {
    const synced = async (folders: (root: string) => string[], lines = 'exit 0') => {
      const folder = await temporaryFolder();
      await shellProgram(folder, 'sync', `echo "$*" >>'${join(folder, 'calls')}'; ${lines}`);
      withPath(folder);
      const isDone = await syncFileSystems(folders(folder));
      return { isDone, folder, calls: await readFile(join(folder, 'calls'), 'utf8').catch(() => '') };
    };
    it('once for each, and leaves out what is not there', async () => {
      const found = await synced((root) => [join(root, 'gone'), root, '/proc', root]);
      expect(found.isDone).toBe(true);
      expect(found.calls).toBe(`-f -- ${found.folder} /proc\n`);
    });
    it('and says when it could not', async () => {
      expect((await synced((root) => [root], 'exit 1')).isDone).toBe(false);
      withPath(await temporaryFolder());
      expect(await syncFileSystems(['/proc'])).toBe(false);
    });
    it('and stops when it is told to', async () => {
      const stopped = AbortSignal.abort();
      await expect(syncFileSystems(['/proc'], stopped)).rejects.toThrow(CancelledError);
    });
  });
});
