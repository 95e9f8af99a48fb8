import { spawnSync } from 'node:child_process';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runLifecycleCommand } from '../../../src/cli/commands/lifecycle-command.ts';
import { type KtxRuntimeArgs, runKtxRuntime } from '../../../src/cli/commands/runtime-command.ts';
import { managedPythonDaemonLayout } from '../../../src/daemon/layout.ts';
import { writeRuntime } from '../../fixtures/asset.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** The commands as the program calls them: nothing is injected but the folder. */
const cliVersion = '0.3.0';
let root: string;
beforeEach(async () => {
  root = join(await temporaryFolder(), 'runtime');
  vi.stubEnv('KTX_RUNTIME_ROOT', root);
});
afterEach(() => vi.unstubAllEnvs());

async function runtime(args: KtxRuntimeArgs) {
  const { io, printed } = capturedIo();
  const exitCode = await runKtxRuntime(args, io);
  return { exitCode, ...printed };
}

async function lifecycle(command: 'undo' | 'uninstall', args: { yes?: boolean; json?: boolean } = {}) {
  const { io, printed } = capturedIo();
  const exitCode = await runLifecycleCommand({ command, cliVersion, yes: false, json: false, ...args }, io);
  return { exitCode, ...printed };
}

describe('status', () => {
  it('of nothing', async () => {
    const { exitCode, stdout } = await runtime({ command: 'status', cliVersion, json: false });
    expect(exitCode).toBe(1);
    expect(stdout).toContain('status: missing');
    expect(stdout).toContain(`runtime root: ${root}`);
    expect(stdout).toMatch(/FAIL uv: .*\n {5}Fix: /);
    expect(stdout).toMatch(/looked at: manifest\n$/);
  });

  it('as JSON, with the checks and what they rest on', async () => {
    const manifest = await writeRuntime(root, cliVersion);
    for (const path of [manifest.python.executable, manifest.python.daemonExecutable]) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, '', { mode: 0o755 });
    }
    const { stdout } = await runtime({ command: 'status', cliVersion, json: true });
    const found = JSON.parse(stdout);
    expect(found.manifest.cliVersion).toBe(cliVersion);
    expect(found.lookedAt).toEqual(['manifest', 'two programs']);
    expect(found.checks.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(['uv', 'asset']));
  });
});

it('doctor looks at the runtime that is here', async () => {
  const plain = await runtime({ command: 'doctor', cliVersion, json: false });
  expect(plain.exitCode).toBe(1);
  expect(plain.stdout).toMatch(/^ktx Python runtime doctor\nFAIL uv: /);
  expect(plain.stdout).not.toContain('looked at');
  const { checks } = JSON.parse((await runtime({ command: 'doctor', cliVersion, json: true })).stdout);
  expect(checks.find(({ id }: { id: string }) => id === 'runtime')).toMatchObject({ status: 'fail' });
});

describe('stop', () => {
  const args = () =>
    ({ command: 'stop', cliVersion, projectDir: join(root, '..', 'project'), all: false }) as const;

  it('of none that runs', async () => {
    expect(await runtime(args())).toEqual({
      exitCode: 0,
      stdout: 'ktx daemon already stopped\n',
      stderr: '',
    });
  });

  it('of a record that nobody can read names it, and leaves it', async () => {
    const { daemonStatePath } = managedPythonDaemonLayout({ cliVersion, projectDir: args().projectDir });
    await mkdir(dirname(daemonStatePath), { recursive: true });
    await writeFile(daemonStatePath, '{');
    const { exitCode, stdout, stderr } = await runtime(args());
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`Delete ${daemonStatePath}`);
    expect((await stat(daemonStatePath)).isFile()).toBe(true);
  });

  it('of a process that has ended removes its record, and says so', async () => {
    const { daemonStatePath } = managedPythonDaemonLayout({ cliVersion, projectDir: args().projectDir });
    await mkdir(dirname(daemonStatePath), { recursive: true });
    const pid = spawnSync('true').pid;
    const [stdoutLog, stderrLog] = ['out', 'err'].map((name) => join(dirname(daemonStatePath), name));
    const state = {
      schemaVersion: 1,
      pid,
      host: '127.0.0.1',
      port: 8765,
      version: cliVersion,
      features: ['core'],
    };
    const more = {
      projectDir: args().projectDir,
      startedAt: '2026-01-02T03:04:05.000Z',
      stdoutLog,
      stderrLog,
    };
    await writeFile(daemonStatePath, JSON.stringify({ ...state, ...more }));
    const { exitCode, stdout } = await runtime(args());
    expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/^Stopped ktx daemon\n/)]);
    expect(stdout).toContain(`pid: ${pid}\nstate: ${daemonStatePath}\nnote: it was not running`);
    await expect(stat(daemonStatePath)).rejects.toThrow('ENOENT');
  });
});

describe('prune', () => {
  const args = { command: 'prune', cliVersion, dryRun: false, yes: false } as const;

  it('deletes nothing without --yes', async () => {
    await writeRuntime(root, '0.2.0');
    const { exitCode, stdout, stderr } = await runtime(args);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('--dry-run');
    expect((await stat(join(root, '0.2.0'))).isDirectory()).toBe(true);
  });

  it('shows what it would delete, and deletes that', async () => {
    await writeRuntime(root, cliVersion);
    await writeRuntime(root, '0.2.0');
    const stale = join(root, '0.2.0');
    const shown = await runtime({ ...args, dryRun: true });
    expect(shown.stdout).toContain(`Stale ktx Python runtimes\n${stale}\n`);
    expect((await stat(stale)).isDirectory()).toBe(true);
    const done = await runtime({ ...args, yes: true });
    expect(done.stdout).toContain(`Removed stale ktx Python runtimes\n${stale}\n`);
    await expect(stat(stale)).rejects.toThrow('ENOENT');
    expect((await stat(join(root, cliVersion))).isDirectory()).toBe(true);
    expect((await runtime({ ...args, yes: true })).stdout).toContain(
      `No stale ktx Python runtimes found under ${root}`,
    );
  });
});

describe('uninstall', () => {
  it('of nothing', async () => {
    expect(await lifecycle('uninstall')).toMatchObject({
      exitCode: 0,
      stdout: `Nothing to uninstall: ${root} holds no ktx files.\n`,
    });
    expect(JSON.parse((await lifecycle('uninstall', { json: true })).stdout)).toEqual({
      runtimeRoot: root,
      removedBytes: 0,
      stoppedPids: [],
      left: [],
      leftBytes: 0,
    });
  });

  it('of what only somebody else put there', async () => {
    await mkdir(root);
    await writeFile(join(root, 'notes.txt'), 'mine\n');
    const { exitCode, stdout } = await lifecycle('uninstall', { json: true });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ removedBytes: 0, leftBytes: 5, left: [{ sizeBytes: 5 }] });
  });

  it('deletes the runtime that is here', async () => {
    await writeRuntime(root, cliVersion);
    const { exitCode, stdout } = await lifecycle('uninstall', { yes: true });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^To be deleted under ${root}\n`));
    expect(stdout).toMatch(/0 bytes left\n$/);
    await expect(stat(root)).rejects.toThrow('ENOENT');
  });
});

it('undo without another environment says why, and changes nothing', async () => {
  await writeRuntime(root, cliVersion);
  const { exitCode, stderr, stdout } = await lifecycle('undo', { json: true });
  expect(exitCode).toBe(1);
  expect(stderr).not.toBe('');
  expect(JSON.parse(stdout)).toMatchObject({ type: 'failure' });
});
