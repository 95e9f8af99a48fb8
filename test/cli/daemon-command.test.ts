import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  type KtxRuntimeArgs,
  type KtxRuntimeDeps,
  runKtxRuntime,
} from '../../src/cli/commands/runtime-command.ts';
import { main } from '../../src/cli/main.ts';
import { packageVersion } from '../../src/core/program-version.ts';
import { managedPythonDaemonLayout } from '../../src/daemon/layout.ts';
import type { ManagedPythonDaemonStopAllEntry } from '../../src/daemon/stop-all.ts';
import { capturedIo } from '../fixtures/captured-io.ts';
import { daemonState } from '../fixtures/daemon.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const cliVersion = '0.3.0';
const project = { cliVersion, projectDir: '/p' };
const layout = managedPythonDaemonLayout({ ...project, runtimeRoot: '/r' });
const state = daemonState(layout, { features: ['core', 'local-embeddings'] });

async function run(args: KtxRuntimeArgs, deps: KtxRuntimeDeps) {
  const { io, printed } = capturedIo();
  const exitCode = await runKtxRuntime(args, io, deps);
  return { exitCode, ...printed };
}

describe('start', () => {
  it.each([
    ['started', 'Started ktx daemon'],
    ['reused', 'Using existing ktx daemon'],
  ] as const)('4. %s: the exact call, all eight lines', async (status, heading) => {
    const startDaemon = vi.fn(async (_options: unknown) => ({
      status,
      layout,
      state,
      baseUrl: 'http://127.0.0.1:58731',
    }));
    const args = { command: 'start', ...project, feature: 'local-embeddings', force: true } as const;
    expect(await run(args, { startDaemon })).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: [
        heading,
        'url: http://127.0.0.1:58731',
        'pid: 4242',
        'version: 0.3.0',
        'features: core, local-embeddings',
        `state: ${layout.daemonStatePath}`,
        `stdout: ${layout.daemonStdoutPath}`,
        `stderr: ${layout.daemonStderrPath}`,
        '',
      ].join('\n'),
    });
    expect(startDaemon.mock.calls).toEqual([[{ ...project, features: ['local-embeddings'], force: true }]]);
  });

  it('4. a rejection: its message alone, exit code 1', async () => {
    const args = { command: 'start', ...project, feature: 'core', force: false } as const;
    const startDaemon = async () => Promise.reject(new Error('ktx daemon failed to start: x. stderr: /y'));
    expect(await run(args, { startDaemon })).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'ktx daemon failed to start: x. stderr: /y\n',
    });
  });
});

describe('stop', () => {
  const args = { command: 'stop', ...project, all: false } as const;

  it('5. stopped: the exact call, three lines', async () => {
    const stopDaemon = vi.fn(async (_options: unknown) => ({ status: 'stopped' as const, layout, state }));
    expect(await run(args, { stopDaemon })).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: `Stopped ktx daemon\npid: 4242\nstate: ${layout.daemonStatePath}\n`,
    });
    expect(stopDaemon.mock.calls).toEqual([[project]]);
  });

  it('a record without its daemon: nothing is said to have ended', async () => {
    const stopDaemon = async () => ({ status: 'stopped' as const, layout, state, wasRunning: false });
    expect((await run(args, { stopDaemon })).stdout).toMatch(
      /^Stopped ktx daemon\npid: 4242\nstate: .*\nnote: it was not running, or its process is another program now; the record was removed\n$/,
    );
  });

  it('5. already stopped: one line', async () => {
    const stopDaemon = async () => ({ status: 'already-stopped' as const, layout });
    expect(await run(args, { stopDaemon })).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: 'ktx daemon already stopped\n',
    });
  });
});

describe('stop --all', () => {
  const args = { command: 'stop', ...project, all: true } as const;
  const recorded: ManagedPythonDaemonStopAllEntry = {
    pid: 4242,
    source: 'state',
    url: 'http://127.0.0.1:58731',
    health: 'healthy',
    version: '0.3.0',
    statePaths: [layout.daemonStatePath],
  };
  const stray: ManagedPythonDaemonStopAllEntry = { pid: 7, source: 'process', command: 'x', statePaths: [] };
  const nothing = { stopped: [], stale: [], failed: [], scanErrors: [] };

  it.each([
    ['nothing', nothing, 'No ktx daemons found\n'],
    [
      'clean',
      { ...nothing, stopped: [stray, recorded] },
      'Stopped 2 ktx daemons\npid: 7 source: process\npid: 4242 source: state url: http://127.0.0.1:58731 health: healthy\n',
    ],
    [
      'stale only',
      { ...nothing, stale: [{ ...recorded, health: 'unreachable' as const }] },
      'Stopped 0 ktx daemons\nCleaned 1 stale daemon states\npid: 4242 source: state url: http://127.0.0.1:58731 health: unreachable\n',
    ],
    [
      'both',
      { ...nothing, stopped: [stray], stale: [recorded] },
      'Stopped 1 ktx daemons\nCleaned 1 stale daemon states\npid: 7 source: process\npid: 4242 source: state url: http://127.0.0.1:58731 health: healthy\n',
    ],
  ])('6. %s', async (_name, result, stdout) => {
    const stopAllDaemons = vi.fn(async (_options: unknown) => result);
    expect(await run(args, { stopAllDaemons })).toEqual({ exitCode: 0, stderr: '', stdout });
    expect(stopAllDaemons.mock.calls).toEqual([[project]]);
  });

  const detail = 'Process still running after SIGKILL';
  it.each([
    [
      'a failure',
      { ...nothing, stopped: [stray], stale: [stray, stray], failed: [{ ...recorded, detail }] },
      `Stopped 1 ktx daemons; failed 1; cleaned stale 2\npid: 4242 source: state url: http://127.0.0.1:58731 health: healthy detail: ${detail}\n`,
    ],
    [
      'no listing',
      { ...nothing, stopped: [recorded], scanErrors: ['ps: not found'] },
      'Stopped 1 ktx daemons; failed 0\nprocess scan: ps: not found\n',
    ],
  ])('6. trouble goes to stderr, exit code 1: %s', async (_name, result, stderr) => {
    expect(await run(args, { stopAllDaemons: async () => result })).toEqual({
      exitCode: 1,
      stdout: '',
      stderr,
    });
  });
});

describe('the command line', () => {
  async function parse(argv: string[], env: NodeJS.ProcessEnv = {}) {
    const { io, printed } = capturedIo();
    const runRuntime = vi.fn(async (_args: KtxRuntimeArgs) => 0);
    const exitCode = await main(argv, io, { runRuntime, env, cwd: '/somewhere' });
    return { exitCode, args: runRuntime.mock.calls.map(([args]) => args), ...printed };
  }

  it.each<[string, Record<string, unknown>]>([
    ['start', { command: 'start', feature: 'core', force: false }],
    [
      'start --feature local-embeddings --force',
      { command: 'start', feature: 'local-embeddings', force: true },
    ],
    ['stop', { command: 'stop', all: false }],
    ['stop --all', { command: 'stop', all: true }],
  ])('1. and 2. ktx admin runtime %s', async (line, args) => {
    const result = await parse(['admin', 'runtime', ...line.split(' ')]);
    const projectDir = '/somewhere';
    expect(result).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
      args: [{ cliVersion: packageVersion(), projectDir, ...args }],
    });
  });

  it('1. the project is the one that was named', async () => {
    const folder = await temporaryFolder();
    const byFlag = await parse(['--project-dir', folder, 'admin', 'runtime', 'stop']);
    expect(byFlag.args).toMatchObject([{ projectDir: folder }]);
    const byVariable = await parse(['admin', 'runtime', 'start'], { KTX_PROJECT_DIR: join(folder, 'x') });
    expect(byVariable.args).toMatchObject([{ projectDir: join(folder, 'x') }]);
  });

  it.each(['start --feature gpu', 'start --all', 'stop --force', 'start --yes'])(
    '1. refuses ktx admin runtime %s',
    async (line) => {
      const result = await parse(['admin', 'runtime', ...line.split(' ')]);
      expect(result).toMatchObject({ exitCode: 1, stdout: '', args: [] });
      expect(result.stderr).toContain('error:');
    },
  );

  it('the help of stop says how far it reaches', async () => {
    const { stdout } = await parse(['admin', 'runtime', 'stop', '--help']);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'stop all ktx daemon processes recorded or discoverable on this machine',
    );
  });
});
