import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runRecordsCommand } from '../../../src/cli/commands/records-command.ts';
import { managedPythonDaemonLayout } from '../../../src/daemon/layout.ts';
import { provideDaemonSecret } from '../../../src/daemon/secret.ts';
import { appendHistory } from '../../../src/runtime/history.ts';
import { writeRuntime } from '../../fixtures/asset.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { writeState } from '../../fixtures/daemon.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

async function run(command: 'history' | 'usage', runtimeRoot: string, json = false) {
  const { io, printed } = capturedIo();
  const exitCode = await runRecordsCommand({ command, json }, io, { runtimeRoot });
  return { exitCode, ...printed };
}

it('history: who changed which version, in the order of time, and an escape sequence in it does nothing', async () => {
  const runtimeRoot = await temporaryFolder();
  const wheel = { version: '0.1.0', sha256: 'a'.repeat(64) };
  for (const [version, to, reason] of [
    ['0.3.0', 'aaaaaaaa', 'first'],
    ['0.4.0', 'bbbbbbbb', '\u001b[2Jforced'],
  ] as const) {
    await mkdir(join(runtimeRoot, version));
    const facts = {
      action: 'install',
      reason,
      to,
      replaced: null,
      back: null,
      features: ['core'],
      wheel,
      lock: null,
    };
    await appendHistory(join(runtimeRoot, version), facts);
  }
  const { exitCode, stdout } = await run('history', runtimeRoot);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/ktx 0\.3\.0 {2}install \(first\) {2}aaaaaaaa.*\n.*ktx 0\.4\.0 {2}install/);
  expect(stdout).not.toContain('\u001b');
  const json = JSON.parse((await run('history', runtimeRoot, true)).stdout);
  expect(json.entries.map(({ version }: { version: string }) => version)).toEqual(['0.3.0', '0.4.0']);
});

it('usage: sizes by part, and the processes that run from it', async () => {
  const runtimeRoot = await temporaryFolder();
  const { python } = await writeRuntime(runtimeRoot, '0.3.0');
  const program = join(python.executable, '..', 'sleep');
  await cp('/bin/sleep', program);
  const child = spawn(program, ['600'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  const { stdout } = await run('usage', runtimeRoot);
  expect(stdout).toContain(`process ${child.pid}: `);
  expect(stdout).toContain('runtime 0.3.0');
  const value = JSON.parse((await run('usage', runtimeRoot, true)).stdout);
  expect(value.processes.map(({ pid }: { pid: number }) => pid)).toEqual([child.pid]);
  expect(value.sizeBytes).toBeGreaterThan(0);
});

it('usage: the projects that started a daemon from it, what those do, and which are gone', async () => {
  const runtimeRoot = await temporaryFolder();
  const projects = await temporaryFolder();
  for (const name of ['running', 'stopped', 'deleted']) {
    const projectDir = join(projects, name);
    await mkdir(projectDir);
    await provideDaemonSecret({ runtimeRoot, projectDir });
    const layout = managedPythonDaemonLayout({ cliVersion: '0.3.0', runtimeRoot, projectDir });
    const pid = name === 'running' ? process.pid : 4_000_000;
    await writeState(layout, { pid, version: '0.3.0' });
  }
  await rm(join(projects, 'deleted'), { recursive: true });
  const { stdout } = await run('usage', runtimeRoot);
  expect(stdout).toContain(`project ${join(projects, 'deleted')}: its folder is gone`);
  expect(stdout).toContain(`running: its daemon runs, process ${process.pid} of ktx 0.3.0`);
  expect(stdout).toContain('stopped: its daemon is stopped');
  const { stdout: json } = await run('usage', runtimeRoot, true);
  expect(JSON.parse(json).projects).toMatchObject([
    { folder: 'gone', daemon: null },
    { folder: 'there', daemon: { pid: process.pid } },
    { folder: 'there', daemon: null },
  ]);
  expect(json).not.toMatch(/[0-9a-f]{64}/);
});

it('an empty root has neither', async () => {
  const runtimeRoot = await temporaryFolder();
  expect((await run('history', runtimeRoot)).stdout).toContain('No changes are recorded');
  expect((await run('usage', runtimeRoot)).stdout).toContain('Nothing runs from it.');
});
