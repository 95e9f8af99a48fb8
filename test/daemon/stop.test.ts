import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { killIfThere, stopManagedPythonDaemon } from '../../src/daemon/stop.ts';
import * as processTable from '../../src/process/process-table.ts';
import { SetupError } from '../../src/support/errors.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import { daemonProject, writeState, writeStateText } from '../fixtures/daemon.ts';
import { writeScript } from '../fixtures/fake-daemon.ts';

vi.mock('../../src/process/process-table.ts', { spy: true });

/** A process that looks like a daemon of this project. */
async function lookalike(root: string, port: number) {
  const path = join(root, 'bin', 'ktx-daemon');
  await writeScript(path, '#!/usr/bin/python3\nimport signal\nsignal.pause()\n');
  const args = [path, 'serve-http', '--host', '127.0.0.1', '--port', String(port)];
  return started('/usr/bin/python3', args);
}

async function started(command: string, args: string[]) {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  const exited = once(child, 'exit');
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return { pid: child.pid!, exited };
}

/** Of two pending signals the lower one is delivered first, so a SIGTERM would have ended it. */
async function expectUntouched({ pid, exited }: Awaited<ReturnType<typeof started>>): Promise<void> {
  process.kill(pid, 'SIGXCPU');
  expect(await exited).toEqual([null, 'SIGXCPU']);
}

describe('stopManagedPythonDaemon', () => {
  it('14. kills the recorded pid once, without naming a signal, and deletes the file; then already-stopped', async () => {
    const { options, layout } = await daemonProject();
    const state = await writeState(layout);
    const kills: unknown[][] = [];
    const controls = { processAlive: () => true, killProcess: (...args: unknown[]) => kills.push(args) };
    expect(await stopManagedPythonDaemon({ ...options, ...controls })).toEqual({
      status: 'stopped',
      layout,
      state,
    });
    expect(kills).toEqual([[4242]]);
    expect(await pathExists(layout.daemonStatePath)).toBe(false);
    expect(await stopManagedPythonDaemon({ ...options, ...controls })).toEqual({
      status: 'already-stopped',
      layout,
    });
    expect(kills).toHaveLength(1);
  });

  it('14. a recorded pid that is gone is only forgotten', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout);
    const killProcess = () => {
      throw new Error('killed');
    };
    const result = await stopManagedPythonDaemon({ ...options, processAlive: () => false, killProcess });
    expect(result.status).toBe('stopped');
    expect(await pathExists(layout.daemonStatePath)).toBe(false);
  });

  it('14. a real process ends', async () => {
    const { options, layout } = await daemonProject();
    const daemon = await lookalike(layout.runtimeRoot, 58731);
    await writeState(layout, { pid: daemon.pid });
    const result = await stopManagedPythonDaemon(options);
    expect(result.status).toBe('stopped');
    expect(result).not.toHaveProperty('wasRunning');
    expect(await daemon.exited).toEqual([null, 'SIGTERM']);
  });

  it.each([
    ['is something else', '/bin/sleep', ['60']],
    [
      'is a shell that only mentions it',
      '/bin/sh',
      ['-c', 'read line; : ktx-daemon serve-http --port 58731'],
    ],
  ])('H1. a recorded pid that %s is not signalled', async (_name, command, args) => {
    const { options, layout } = await daemonProject();
    const innocent = await started(command, args);
    await writeState(layout, { pid: innocent.pid });
    expect(await stopManagedPythonDaemon(options)).toMatchObject({ status: 'stopped', wasRunning: false });
    expect(await pathExists(layout.daemonStatePath)).toBe(false);
    await expectUntouched(innocent);
  });

  it("H1. nor is one that by now is another project's daemon: it listens elsewhere", async () => {
    const { options, layout } = await daemonProject();
    const other = await lookalike(layout.runtimeRoot, 58732);
    await writeState(layout, { pid: other.pid, port: 58731 });
    expect((await stopManagedPythonDaemon(options)).status).toBe('stopped');
    await expectUntouched(other);
  });

  it("a state that was copied from another project does not end that project's daemon", async () => {
    const { options, layout } = await daemonProject();
    const port = 58731;
    const daemon = await lookalike(layout.runtimeRoot, port);
    await writeState(layout, { pid: daemon.pid, port });
    const copy = { ...options, projectDir: `${options.projectDir}-copy` };
    await cp(options.projectDir, copy.projectDir, { recursive: true });
    expect(await stopManagedPythonDaemon(copy)).toMatchObject({ status: 'stopped', wasRunning: false });
    await expectUntouched(daemon);
    expect(await pathExists(layout.daemonStatePath)).toBe(true);
  });

  it('the daemon of a project that was moved ends', async () => {
    const { options, layout } = await daemonProject();
    const daemon = await lookalike(layout.runtimeRoot, 58731);
    await writeState(layout, { pid: daemon.pid });
    const moved = { ...options, projectDir: `${options.projectDir}-moved` };
    await rename(options.projectDir, moved.projectDir);
    await stopManagedPythonDaemon(moved);
    expect(await daemon.exited).toEqual([null, 'SIGTERM']);
  });

  it('an error of an injected killer is passed on, and the state stays', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout);
    const killProcess = () => {
      throw new Error('no kill today');
    };
    const stopping = stopManagedPythonDaemon({ ...options, processAlive: () => true, killProcess });
    await expect(stopping).rejects.toThrow('no kill today');
    expect(await pathExists(layout.daemonStatePath)).toBe(true);
  });

  it('an invalid state file is left alone, and named with what to do', async () => {
    const { options, layout } = await daemonProject();
    await writeStateText(layout, '{"pid": 1');
    const failure = await stopManagedPythonDaemon(options).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SetupError);
    expect((failure as Error).message).toMatch(/^Daemon state is invalid: .*JSON/);
    expect((failure as Error).message).toContain(`Delete ${layout.daemonStatePath}`);
    expect(await readFile(layout.daemonStatePath, 'utf8')).toBe('{"pid": 1');
  });

  it('the record of a newer ktx stays while its daemon lives, or may live', async () => {
    const { options, layout } = await daemonProject();
    const stop = (isAlive: boolean) =>
      stopManagedPythonDaemon({ ...options, processAlive: () => isAlive, killProcess: () => {} });
    const newer = { schemaVersion: 2, version: '9.1.0', pid: 4711, socket: '/run/user/1/ktx' };
    await writeStateText(layout, JSON.stringify(newer));
    await expect(stop(true)).rejects.toThrow(/was written by a newer ktx, 9\.1\.0/);
    await expect(stop(false)).rejects.toThrow(/^Daemon state is invalid/);
    await writeStateText(layout, JSON.stringify({ ...newer, pid: 'elsewhere' }));
    await expect(stop(false)).rejects.toThrow(/newer ktx/);
    expect(await readFile(layout.daemonStatePath, 'utf8')).toContain('elsewhere');
  });
});

describe('a process that must not be signalled', () => {
  it('is one that cannot be seen: neither stopped nor forgotten, and the command to do it is named', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout, { pid: process.pid });
    const see = vi.spyOn(processTable, 'canSeeProcesses').mockReturnValue(false);
    const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
    onTestFinished(() => {
      see.mockRestore();
      Object.defineProperty(process, 'platform', platform);
    });
    for (const [name, words] of [
      [
        'linux',
        '/proc is not mounted, or is that of another PID namespace. It was not stopped. Mount /proc and run the command again',
      ],
      ['darwin', 'ps does not run. It was not stopped. Run the command where ps works'],
    ]) {
      Object.defineProperty(process, 'platform', { value: name });
      await expect(stopManagedPythonDaemon(options)).rejects.toMatchObject({
        message: `Process ${process.pid} runs, but ktx cannot see whether it is the daemon: ${words}, or, if it is the daemon: kill ${process.pid}`,
        failureClass: 'platform',
      });
    }
    expect(await pathExists(layout.daemonStatePath)).toBe(true);
  });

  it.each([
    ['ESRCH', null],
    [
      'EPERM',
      { message: 'Process 4242 belongs to another user and cannot be stopped', failureClass: 'permission' },
    ],
    ['EINVAL', { message: 'EINVAL' }],
  ])('%s', (code, error) => {
    const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error(code), { code });
    });
    onTestFinished(() => kill.mockRestore());
    const attempt = () => killIfThere(4242, 'SIGINT');
    if (error === null) attempt();
    else expect(attempt).toThrow(expect.objectContaining(error));
    expect(kill).toHaveBeenCalledWith(4242, 'SIGINT');
  });
});
