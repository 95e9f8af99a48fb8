import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { KtxRuntimeFeature } from '../../src/core/features.ts';
import type { ManagedPythonDaemonState } from '../../src/daemon/state.ts';
import { stopManagedPythonDaemon } from '../../src/daemon/stop.ts';
import {
  ManagedPythonDaemonStartError,
  type ManagedPythonDaemonStartOptions,
} from '../../src/embed/spawn-daemon.ts';
import { startManagedPythonDaemon } from '../../src/embed/start-daemon.ts';
import type { InstalledKtxRuntimeManifest } from '../../src/runtime/manifest.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import {
  answer,
  closedPort,
  daemonProject,
  HEALTHY,
  writeState,
  writeStateText,
} from '../fixtures/daemon.ts';
import { type DaemonBehaviour, fakeDaemonMachine } from '../fixtures/fake-daemon.ts';
import { endNow, isRunning } from '../fixtures/family.ts';
import { PATIENT } from '../fixtures/patient.ts';

/** Everything injected, as in the contract's own checks: no process, network or install. */
async function injected(
  changes: Partial<ManagedPythonDaemonStartOptions> = {},
  features: KtxRuntimeFeature[] = ['core'],
) {
  const { options, layout } = await daemonProject();
  const manifest = await writeRuntime(options.runtimeRoot, options.cliVersion, { features });
  const alive = new Set([5001]);
  const parts = {
    installRuntime: vi.fn(async (_options: unknown) => ({ manifest })),
    spawnDaemon: vi.fn((_command: string, _args: string[], _options: unknown) => ({
      pid: 5001,
      unref: vi.fn(),
    })),
    fetch: vi.fn(async (_url: string) => answer(HEALTHY)),
    allocatePort: async () => 58731,
    processAlive: vi.fn((pid: number) => alive.has(pid)),
    killProcess: vi.fn((...args: [pid: number, signal?: NodeJS.Signals]) => void alive.delete(args[0])),
    now: () => new Date('2026-05-11T00:00:00.000Z'),
    startupTimeoutMs: 20,
    pollIntervalMs: 1,
  };
  const start = (more: Partial<ManagedPythonDaemonStartOptions> = {}) =>
    startManagedPythonDaemon({ ...options, features: ['core'], ...parts, ...changes, ...more });
  const readState = async (): Promise<ManagedPythonDaemonState> =>
    JSON.parse(await readFile(layout.daemonStatePath, 'utf8'));
  return { options, layout, manifest, alive, ...parts, start, readState };
}

describe('startManagedPythonDaemon, everything injected', () => {
  it('4. the installer gets exactly the version, the overrides that were supplied, features and force', async () => {
    const { start, options, installRuntime } = await injected();
    await start({ features: [] });
    const { cliVersion, runtimeRoot } = options;
    expect(installRuntime.mock.calls).toEqual([
      [{ cliVersion, runtimeRoot, features: ['core'], force: false }],
    ]);
    expect(Object.keys(installRuntime.mock.calls[0]![0] as object).sort()).toEqual([
      'cliVersion',
      'features',
      'force',
      'runtimeRoot',
    ]);
  });

  it('4. features are normalised, other overrides are passed on', async () => {
    const { start, options, installRuntime } = await injected({}, ['core', 'local-embeddings']);
    const overrides = { env: { A: '1' }, homeDir: '/h', assetDir: '/a', platform: 'linux' } as const;
    await start({ ...overrides, features: ['local-embeddings'] });
    const { cliVersion, runtimeRoot } = options;
    const features = ['core', 'local-embeddings'];
    expect(installRuntime.mock.calls).toEqual([
      [{ cliVersion, runtimeRoot, ...overrides, features, force: false }],
    ]);
  });

  it('5. argv, detached, logs, and the version in the environment', async () => {
    vi.stubEnv('NO_PROXY', 'a,fe80::/10');
    vi.stubEnv('PYTHONPATH', '/somewhere');
    const { start, spawnDaemon, manifest } = await injected();
    await start({ env: { NOT: 'used for the child' } });
    vi.unstubAllEnvs();
    expect(spawnDaemon.mock.calls).toEqual([
      [
        manifest.python.daemonExecutable,
        ['serve-http', '--host', '127.0.0.1', '--port', '58731'],
        {
          detached: true,
          stdio: ['ignore', expect.any(Number), expect.any(Number)],
          env: expect.objectContaining({ KTX_DAEMON_VERSION: '0.3.0', PATH: process.env['PATH'] }),
        },
      ],
    ]);
    const { env } = spawnDaemon.mock.calls[0]![2] as { env: NodeJS.ProcessEnv };
    // 6.
    expect(env).toMatchObject({ NO_PROXY: 'a', no_proxy: 'a' });
    expect(env).not.toHaveProperty('NOT');
    expect(env).not.toHaveProperty('PYTHONPATH');
    expect(env['KTX_DAEMON_SECRET']).toMatch(/^[0-9a-f]{64}$/);
    expect(spawnDaemon.mock.results[0]!.value.unref).toHaveBeenCalledOnce();
  });

  it('7. the state says what runs, with all features that are installed', async () => {
    const { start, layout, readState } = await injected({}, ['core', 'local-embeddings']);
    const result = await start();
    const state: ManagedPythonDaemonState = {
      schemaVersion: 1,
      pid: 5001,
      host: '127.0.0.1',
      port: 58731,
      version: '0.3.0',
      features: ['core', 'local-embeddings'],
      startedAt: '2026-05-11T00:00:00.000Z',
      stdoutLog: layout.daemonStdoutPath,
      stderrLog: layout.daemonStderrPath,
    };
    expect(result).toEqual({ status: 'started', layout, state, baseUrl: 'http://127.0.0.1:58731' });
    expect(await readFile(layout.daemonStatePath, 'utf8')).toBe(`${JSON.stringify(state, null, 2)}\n`);
    expect(await readState()).toEqual(state);
  });

  it('8. the probe after the deadline counts', async () => {
    const { start, fetch } = await injected();
    fetch.mockRejectedValueOnce(new Error('not yet'));
    expect((await start({ startupTimeoutMs: 1, pollIntervalMs: 5 })).status).toBe('started');
    expect(fetch.mock.calls).toEqual([['http://127.0.0.1:58731/health'], ['http://127.0.0.1:58731/health']]);
    fetch.mockClear();
    const other = await injected();
    expect((await other.start({ startupTimeoutMs: 0 })).status).toBe('started');
    expect(other.fetch).toHaveBeenCalledOnce();
  });

  it('9. and 10. never healthy: the error with the last reason, the child killed once, no state', async () => {
    const { start, layout, killProcess, fetch } = await injected();
    fetch.mockRejectedValue(
      new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:58731') }),
    );
    const failure = await start().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ManagedPythonDaemonStartError);
    const detail = 'fetch failed: connect ECONNREFUSED 127.0.0.1:58731';
    expect(failure).toMatchObject({
      name: 'ManagedPythonDaemonStartError',
      detail,
      stderrLog: layout.daemonStderrPath,
      message: `ktx daemon failed to start: ${detail}. stderr: ${layout.daemonStderrPath}`,
    });
    expect(killProcess.mock.calls).toEqual([[5001]]);
    expect(await pathExists(layout.daemonStatePath)).toBe(false);
  });

  it('11. a healthy daemon with the features is used: nothing is installed, spawned or written', async () => {
    const { start, layout, installRuntime, spawnDaemon, killProcess, alive } = await injected();
    alive.add(4242);
    const state = await writeState(layout, { features: ['core', 'local-embeddings'] });
    const before = await readFile(layout.daemonStatePath, 'utf8');
    for (const features of [['core'], ['local-embeddings']] as const) {
      expect(await start({ features: [...features] })).toEqual({
        status: 'reused',
        layout,
        state,
        baseUrl: 'http://127.0.0.1:58731',
      });
    }
    expect(await readFile(layout.daemonStatePath, 'utf8')).toBe(before);
    for (const part of [installRuntime, spawnDaemon, killProcess]) expect(part).not.toHaveBeenCalled();
  });

  it('11. unless it is forced', async () => {
    const { start, layout, killProcess, alive, readState } = await injected();
    alive.add(4242);
    await writeState(layout);
    expect((await start({ force: true })).status).toBe('started');
    expect(killProcess.mock.calls).toEqual([[4242]]);
    expect((await readState()).pid).toBe(5001);
  });

  it('12. core runs, embeddings are wanted: the old one is killed once, a new one started', async () => {
    const { start, layout, killProcess, alive, readState } = await injected({}, ['core', 'local-embeddings']);
    alive.add(4242);
    await writeState(layout);
    expect((await start({ features: ['local-embeddings'] })).status).toBe('started');
    expect(killProcess.mock.calls).toEqual([[4242]]);
    expect(await readState()).toMatchObject({ pid: 5001, features: ['core', 'local-embeddings'] });
  });

  it('13. the daemon of another version is replaced', async () => {
    const { start, layout, readState, killProcess, alive } = await injected();
    alive.add(4242);
    await writeState(layout, { version: '0.2.0' });
    expect((await start()).status).toBe('started');
    expect(killProcess.mock.calls).toEqual([[4242]]);
    expect(await readState()).toMatchObject({ pid: 5001, version: '0.3.0' });
  });

  it('13. an invalid state file is replaced, and nothing killed', async () => {
    const { start, layout, readState, killProcess } = await injected();
    await writeStateText(layout, '{"pid": 4242');
    expect((await start()).status).toBe('started');
    expect(killProcess).not.toHaveBeenCalled();
    expect((await readState()).pid).toBe(5001);
  });

  it('H2. no pid: said, and no state', async () => {
    const { start, layout } = await injected();
    const starting = start({ spawnDaemon: () => ({ unref: () => {} }) });
    await expect(starting).rejects.toThrow(
      `ktx daemon did not report a pid. stderr: ${layout.daemonStderrPath}`,
    );
    expect(await pathExists(layout.daemonStatePath)).toBe(false);
  });

  it('H3. a fetch that never answers is not waited for longer than the start may take', async () => {
    const { start } = await injected();
    const starting = start({ fetch: () => new Promise(() => {}) });
    await expect(starting).rejects.toThrow(/failed to start: No answer within/);
  });

  it('another start that was quicker and answers: ours is killed, its one used', async () => {
    const { start, layout, killProcess, alive, readState } = await injected();
    alive.add(6001);
    const fetch = async () => {
      if (!(await pathExists(layout.daemonStatePath))) await writeState(layout, { pid: 6001, port: 6002 });
      return answer(HEALTHY);
    };
    const result = await start({ fetch });
    expect(result).toMatchObject({
      status: 'reused',
      state: { pid: 6001 },
      baseUrl: 'http://127.0.0.1:6002',
    });
    expect(killProcess.mock.calls).toEqual([[5001]]);
    expect((await readState()).pid).toBe(6001);
  });

  it('another start that was quicker with less: its daemon is replaced by ours', async () => {
    const { start, layout, killProcess, alive, readState } = await injected({}, ['core', 'local-embeddings']);
    alive.add(6001);
    let hasWritten = false;
    const fetch = async () => {
      if (!hasWritten) await writeState(layout, { pid: 6001, port: 6002 });
      hasWritten = true;
      return answer(HEALTHY);
    };
    expect((await start({ fetch, features: ['local-embeddings'] })).status).toBe('started');
    expect(killProcess.mock.calls).toEqual([[6001]]);
    expect((await readState()).pid).toBe(5001);
  });

  it('a failing install is passed on; nothing was spawned', async () => {
    const { start, spawnDaemon } = await injected();
    const starting = start({ installRuntime: async () => Promise.reject(new Error('no room')) });
    await expect(starting).rejects.toThrow('no room');
    expect(spawnDaemon).not.toHaveBeenCalled();
  });
});

type Machine = Awaited<ReturnType<typeof fakeDaemonMachine>>;
const startReal = (machine: Machine, more: Partial<ManagedPythonDaemonStartOptions> = {}) => {
  const { cliVersion, runtimeRoot, projectDir, manifest } = machine;
  return startManagedPythonDaemon({
    cliVersion,
    runtimeRoot,
    projectDir,
    features: ['core'],
    installRuntime: async () => ({ manifest }),
    pollIntervalMs: 10,
    ...more,
  });
};
const stderrLog = (machine: Machine) => join(machine.projectDir, '.ktx', 'runtime', 'daemon.stderr.log');
const statePath = (machine: Machine) => join(machine.projectDir, '.ktx', 'runtime', 'daemon.json');

describe('startManagedPythonDaemon, a real process', () => {
  it('starts, is used again, and stops', async () => {
    const machine = await fakeDaemonMachine();
    const { cliVersion, runtimeRoot, projectDir } = machine;
    const first = await startReal(machine);
    expect(first.status).toBe('started');
    expect(await machine.runningDaemons()).toEqual([first.state.pid]);
    const second = await startReal(machine);
    expect(second).toEqual({ ...first, status: 'reused' });
    await stopManagedPythonDaemon({ cliVersion, runtimeRoot, projectDir });
    await vi.waitFor(() => expect(isRunning(first.state.pid)).toBe(false), PATIENT);
    const third = await startReal(machine);
    expect(third.status).toBe('started');
    // Appended: the first daemon's lines are still there.
    const stdout = await readFile(third.state.stdoutLog, 'utf8');
    expect(stdout.match(/^argv \["serve-http", "--host", "127\.0\.0\.1", "--port", "\d+"\]$/gm)).toHaveLength(
      2,
    );
  });

  it('a setting that a daemon refuses ends none that works', async () => {
    const machine = await fakeDaemonMachine();
    const first = await startReal(machine);
    vi.stubEnv('KTX_EMBEDDINGS_THREADS', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(startReal(machine, { force: true })).rejects.toThrow('KTX_EMBEDDINGS_THREADS is "0".');
    expect(await machine.runningDaemons()).toEqual([first.state.pid]);
  });

  it('outlives the program that started it, in a session of its own', async () => {
    const machine = await fakeDaemonMachine();
    const { pid } = await startElsewhere(machine, Date.now());
    expect(await machine.runningDaemons()).toEqual([pid]);
  });

  it('a forced start replaces it', async () => {
    const machine = await fakeDaemonMachine();
    const first = await startReal(machine);
    const second = await startReal(machine, { force: true });
    expect(second.status).toBe('started');
    await vi.waitFor(() => expect(isRunning(first.state.pid)).toBe(false), PATIENT);
    expect(await machine.runningDaemons()).toEqual([second.state.pid]);
  });

  it.each([
    ['on an empty project', async () => {}],
    [
      'over a stale state',
      async (machine: Machine) => writeStale(machine, JSON.stringify(await staleState())),
    ],
    ['over an invalid state', async (machine: Machine) => writeStale(machine, '{')],
  ])('of five starts at once, in five programs, one daemon is left: %s', async (_name, prepare) => {
    const machine = await fakeDaemonMachine();
    await prepare(machine);
    const startAtMs = Date.now() + 1000;
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => startElsewhere(machine, startAtMs)));
    expect(new Set(results.map(({ pid }) => pid)).size).toBe(1);
    expect(results.map(({ status }) => status).sort()).toEqual([
      'reused',
      'reused',
      'reused',
      'reused',
      'started',
    ]);
    expect(await machine.runningDaemons()).toEqual([results[0]!.pid]);
    expect(JSON.parse(await readFile(statePath(machine), 'utf8')).pid).toBe(results[0]!.pid);
  });

  it('a daemon that ends at once is not waited for, and its last output is reported', async () => {
    const machine = await fakeDaemonMachine('ends at once');
    await mkdir(join(machine.projectDir, '.ktx', 'runtime'), { recursive: true });
    await writeFile(stderrLog(machine), 'ERROR: of an earlier daemon\n');
    const failure = await startReal(machine, { startupTimeoutMs: 600_000 }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      detail: 'the process ended with exit code 1: ERROR: [Errno 98] address already in use',
      stderrLog: stderrLog(machine),
    });
    expect(await pathExists(statePath(machine))).toBe(false);
  });

  it.each<[DaemonBehaviour, RegExp]>([
    ['accepts and is silent', /^No answer within/],
    ['without proof', /^Another process answers at http:\/\/127\.0\.0\.1:\d+:/],
    ['ignores SIGTERM and never listens', /^connect ECONNREFUSED/],
  ])('one that %s is ended, and no state is left', async (behaviour, detail) => {
    const machine = await fakeDaemonMachine(behaviour, { locked: { lock: 'l', requirements: 'r' } });
    const failure = await startReal(machine, { startupTimeoutMs: 500 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ManagedPythonDaemonStartError);
    expect((failure as ManagedPythonDaemonStartError).detail).toMatch(detail);
    expect(await machine.runningDaemons()).toEqual([]);
    expect(await pathExists(statePath(machine))).toBe(false);
  });

  it('a foreign wheel need not support proofs', async () => {
    const machine = await fakeDaemonMachine('without proof');
    const { status, state } = await startReal(machine);
    expect(status).toBe('started');
    expect(await machine.runningDaemons()).toEqual([state.pid]);
  });

  it('a process that took the port is not taken for ours, whatever it answers', async () => {
    const machine = await fakeDaemonMachine('ignores SIGTERM and never listens');
    const squatter = await fakeDaemonMachine();
    const { state } = await startReal(squatter);
    const starting = startReal(machine, { allocatePort: () => state.port, startupTimeoutMs: 300 });
    await expect(starting).rejects.toThrow(/Another process answers/);
    expect(await machine.runningDaemons()).toEqual([]);
    expect(isRunning(state.pid)).toBe(true);
  });

  it('H1. a stale pid that by now is another process is not signalled', async () => {
    const machine = await fakeDaemonMachine();
    await writeStale(machine, JSON.stringify(await staleState({ pid: process.pid, version: '0.2.0' })));
    const { status } = await startReal(machine);
    expect(status).toBe('started');
    // Reaching this line is the proof: the recorded pid was this process.
    expect(isRunning(process.pid)).toBe(true);
  });

  it('H2. a missing executable is said and does not crash', async () => {
    const machine = await fakeDaemonMachine();
    const manifest: InstalledKtxRuntimeManifest = {
      ...machine.manifest,
      python: { executable: '/nowhere/python', daemonExecutable: '/nowhere/ktx-daemon' },
    };
    const failure = await startReal(machine, { installRuntime: async () => ({ manifest }) }).catch(
      (error: unknown) => error as Error,
    );
    expect(failure).toMatchObject({
      message: `ktx daemon did not report a pid. stderr: ${stderrLog(machine)}`,
      cause: { message: expect.stringMatching(/^\/nowhere\/ktx-daemon could not be started: .*ENOENT/) },
    });
  });

  it('a cancelled start leaves no daemon and no state', async () => {
    const machine = await fakeDaemonMachine('ignores SIGTERM and never listens');
    const controller = new AbortController();
    const starting = startReal(machine, { signal: controller.signal });
    starting.catch(() => {});
    await vi.waitFor(async () => expect(await readFile(stderrLog(machine), 'utf8')).toBe('ready\n'), PATIENT);
    controller.abort();
    await expect(starting).rejects.toThrow(CancelledError);
    expect(await machine.runningDaemons()).toEqual([]);
    expect(await pathExists(statePath(machine))).toBe(false);
  });

  it('a start is cancelled at once, although the daemon never answers', async () => {
    const machine = await fakeDaemonMachine('accepts and is silent');
    const controller = new AbortController();
    const stdoutLog = join(machine.projectDir, '.ktx', 'runtime', 'daemon.stdout.log');
    const starting = startReal(machine, { signal: controller.signal, startupTimeoutMs: 3_600_000 });
    starting.catch(() => {});
    await vi.waitFor(async () => expect(await readFile(stdoutLog, 'utf8')).toContain('env '), PATIENT);
    controller.abort();
    await expect(starting).rejects.toThrow(CancelledError);
    expect(await machine.runningDaemons()).toEqual([]);
  });

  it("a log that is a link is not written through: a cloned project's could point anywhere", async () => {
    const machine = await fakeDaemonMachine();
    const victim = join(machine.root, 'profile');
    await writeFile(victim, 'mine\n');
    await mkdir(join(machine.projectDir, '.ktx', 'runtime'), { recursive: true });
    await symlink(victim, stderrLog(machine));
    await expect(startReal(machine)).rejects.toThrow(
      `${stderrLog(machine)} is a symbolic link; nothing of a project`,
    );
    expect(await readFile(victim, 'utf8')).toBe('mine\n');
    expect(await machine.runningDaemons()).toEqual([]);
  });

  it('the child has no trace of the starter: no pipes, no mark, no activated environment', async () => {
    vi.stubEnv('VIRTUAL_ENV', '/somewhere');
    vi.stubEnv('KTX_PROCESS_MARK', 'somebody');
    const machine = await fakeDaemonMachine('healthy', { features: ['core', 'local-embeddings'] });
    const { state } = await startReal(machine);
    vi.unstubAllEnvs();
    const line = (await readFile(state.stdoutLog, 'utf8')).match(/^env (.*)$/m)![1]!;
    const env = JSON.parse(line);
    expect(env).not.toHaveProperty('VIRTUAL_ENV');
    expect(env).not.toHaveProperty('KTX_PROCESS_MARK');
    expect(env['KTX_EMBEDDINGS_MODEL_DIR']).toBe(
      join(machine.runtimeRoot, 'uv/models/all-MiniLM-L6-v2@1110a243fdf4706b3f48f1d95db1a4f5529b4d41'),
    );
    endNow([state.pid]);
  });
});

async function startElsewhere(machine: Machine, startAtMs: number): Promise<{ status: string; pid: number }> {
  const { cliVersion, runtimeRoot, projectDir, manifest } = machine;
  const options = { cliVersion, runtimeRoot, projectDir, features: ['core'], manifest, startAtMs };
  const script = join(import.meta.dirname, '..', 'fixtures', 'start-daemon-process.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(options)]);
  return JSON.parse(stdout);
}

async function staleState(changes: Partial<ManagedPythonDaemonState> = {}) {
  return {
    schemaVersion: 1,
    pid: 2 ** 22 + 7,
    host: '127.0.0.1',
    port: await closedPort(),
    version: '0.3.0',
    features: ['core'],
    startedAt: '2026-05-11T00:00:00.000Z',
    stdoutLog: '/x',
    stderrLog: '/x',
    ...changes,
  };
}

async function writeStale(machine: Machine, text: string): Promise<void> {
  await mkdir(join(machine.projectDir, '.ktx', 'runtime'), { recursive: true });
  await writeFile(statePath(machine), text);
}
