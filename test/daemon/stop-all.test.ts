import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stopAllManagedPythonDaemons } from '../../src/daemon/stop-all.ts';
import { listProcesses } from '../../src/process/list-processes.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import {
  closedPort,
  daemonProject,
  HEALTHY,
  loopbackServer,
  writeState,
  writeStateText,
} from '../fixtures/daemon.ts';
import { writeScript } from '../fixtures/fake-daemon.ts';
import { isRunning } from '../fixtures/family.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const nothing = { listProcesses: async () => [], healthProbeMs: 1000 };
const QUICK = { stopGraceMs: 1, pollIntervalMs: 1 };

/** Fake processes that live until they are killed, and a record of their signals. */
function fakeProcesses(pids: number[], options: { obeys?: (signal: string) => boolean } = {}) {
  const alive = new Set(pids);
  const kills: unknown[][] = [];
  return {
    kills,
    processAlive: (pid: number) => alive.has(pid),
    killProcess: (pid: number, signal?: NodeJS.Signals) => {
      kills.push([pid, signal]);
      if ((options.obeys ?? (() => true))(signal ?? '')) alive.delete(pid);
    },
  };
}

describe('stopAllManagedPythonDaemons', () => {
  it('nothing at all', async () => {
    const { options } = await daemonProject();
    expect(await stopAllManagedPythonDaemons({ ...options, ...nothing })).toEqual({
      stopped: [],
      stale: [],
      failed: [],
      scanErrors: [],
    });
  });

  it('15. the recorded daemon is stopped with SIGTERM, its file removed', async () => {
    const { options, layout } = await daemonProject();
    const { port, baseUrl } = await loopbackServer((_request, response) =>
      response.end(JSON.stringify({ ...HEALTHY, version: 'any' })),
    );
    await writeState(layout, { port });
    const { kills, ...processes } = fakeProcesses([4242]);
    const result = await stopAllManagedPythonDaemons({ ...options, ...nothing, ...processes });
    const entry = {
      pid: 4242,
      source: 'state',
      url: baseUrl,
      health: 'healthy',
      version: '0.3.0',
      statePaths: [layout.daemonStatePath],
    };
    expect(result).toEqual({ stopped: [entry], stale: [], failed: [], scanErrors: [] });
    expect(kills).toEqual([[4242, 'SIGTERM']]);
    expect(await pathExists(layout.daemonStatePath)).toBe(false);
  });

  it('15. a recorded pid that is gone: stale, file removed, nothing signalled', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout, { port: await closedPort() });
    const { kills, ...processes } = fakeProcesses([]);
    const result = await stopAllManagedPythonDaemons({ ...options, ...nothing, ...processes });
    expect(result).toMatchObject({
      stopped: [],
      stale: [{ pid: 4242, source: 'state', health: 'unreachable' }],
    });
    expect(kills).toEqual([]);
    expect(await pathExists(layout.daemonStatePath)).toBe(false);
  });

  it('15. H1: a recorded pid that is another process by now: stale, not signalled', async () => {
    const { options, layout } = await daemonProject();
    const innocent = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    const exited = once(innocent, 'exit');
    onTestFinished(() => void innocent.kill('SIGKILL'));
    await once(innocent, 'spawn');
    await writeState(layout, { pid: innocent.pid!, port: await closedPort() });
    const result = await stopAllManagedPythonDaemons({ ...options, ...nothing });
    expect(result.stale).toMatchObject([{ pid: innocent.pid }]);
    // Of two pending signals, the lower one would have been delivered first.
    process.kill(innocent.pid!, 'SIGXCPU');
    expect(await exited).toEqual([null, 'SIGXCPU']);
    expect(await pathExists(layout.daemonStatePath)).toBe(false);
  });

  it('16. a daemon that is recorded and found is one: source state, url of the state, one kill', async () => {
    const { options, layout } = await daemonProject();
    const port = await closedPort();
    await writeState(layout, { port });
    const { kills, ...processes } = fakeProcesses([4242, 4000]);
    const scan = async () => [
      { pid: 4242, command: 'ktx-daemon serve-http --port 1' },
      { pid: 4000, command: `ktx-daemon serve-http --host=::1 --port ${port}` },
    ];
    const result = await stopAllManagedPythonDaemons({ ...options, ...processes, listProcesses: scan });
    expect(result.stopped).toMatchObject([
      {
        pid: 4000,
        source: 'process',
        url: `http://[::1]:${port}`,
        command: expect.stringContaining('::1'),
        statePaths: [],
      },
      {
        pid: 4242,
        source: 'state',
        url: `http://127.0.0.1:${port}`,
        version: '0.3.0',
        statePaths: [layout.daemonStatePath],
      },
    ]);
    expect(kills).toEqual([
      [4000, 'SIGTERM'],
      [4242, 'SIGTERM'],
    ]);
  });

  it('18. SIGKILL after the grace', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout, { port: await closedPort() });
    const { kills, ...processes } = fakeProcesses([4242], { obeys: (signal) => signal === 'SIGKILL' });
    const result = await stopAllManagedPythonDaemons({ ...options, ...nothing, ...processes, ...QUICK });
    expect(result.stopped).toMatchObject([{ pid: 4242 }]);
    expect(kills).toEqual([
      [4242, 'SIGTERM'],
      [4242, 'SIGKILL'],
    ]);
  });

  it('18. one that ends in the last moment of the grace gets no SIGKILL', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout, { port: await closedPort() });
    const kills: unknown[][] = [];
    let asked = 0;
    const result = await stopAllManagedPythonDaemons({
      ...options,
      ...nothing,
      stopGraceMs: 0,
      pollIntervalMs: 1,
      // Alive before the signal and at the first look after it; gone when the time is over.
      processAlive: () => kills.length === 0 || asked++ === 0,
      killProcess: (pid, signal) => void kills.push([pid, signal]),
    });
    expect(result.stopped).toMatchObject([{ pid: 4242 }]);
    expect(kills).toEqual([[4242, 'SIGTERM']]);
  });

  it('18. one that resists SIGKILL too: failed, the state stays, the others are stopped', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout, { port: await closedPort() });
    const { processAlive, killProcess } = fakeProcesses([4242, 5000]);
    const result = await stopAllManagedPythonDaemons({
      ...options,
      ...QUICK,
      listProcesses: () => [{ pid: 5000, command: 'ktx-daemon serve-http' }],
      processAlive,
      killProcess: (pid, signal) => (pid === 4242 ? undefined : killProcess(pid, signal)),
    });
    expect(result.failed).toMatchObject([{ pid: 4242, detail: 'Process still running after SIGKILL' }]);
    expect(result.stopped).toMatchObject([{ pid: 5000 }]);
    expect(await pathExists(layout.daemonStatePath)).toBe(true);
  });

  it('18. a killer that throws: failed with its words, the others are stopped', async () => {
    const { options } = await daemonProject();
    const { processAlive, killProcess } = fakeProcesses([1, 2]);
    const result = await stopAllManagedPythonDaemons({
      ...options,
      listProcesses: () => [1, 2].map((pid) => ({ pid, command: 'ktx-daemon serve-http' })),
      processAlive,
      killProcess: (pid, signal) => {
        if (pid === 1) throw new Error('kill EPERM');
        killProcess(pid, signal);
      },
    });
    expect(result.failed).toMatchObject([{ pid: 1, source: 'process', detail: 'kill EPERM' }]);
    expect(result.stopped).toMatchObject([{ pid: 2 }]);
  });

  it('19. a listing that fails is told, the recorded daemon is stopped all the same', async () => {
    const { options, layout } = await daemonProject();
    await writeState(layout, { port: await closedPort() });
    const { kills: _, ...processes } = fakeProcesses([4242]);
    const result = await stopAllManagedPythonDaemons({
      ...options,
      ...processes,
      listProcesses: async () => {
        throw new Error('ps: command not found');
      },
    });
    expect(result).toMatchObject({ stopped: [{ pid: 4242 }], scanErrors: ['ps: command not found'] });
  });

  it('an invalid state file contributes nothing and stays', async () => {
    const { options, layout } = await daemonProject();
    await writeStateText(layout, '{');
    const result = await stopAllManagedPythonDaemons({ ...options, ...nothing });
    expect(result).toEqual({ stopped: [], stale: [], failed: [], scanErrors: [] });
    expect(await pathExists(layout.daemonStatePath)).toBe(true);
  });
});

const PAUSE = '#!/usr/bin/python3\nimport signal\nsignal.pause()\n';
const STUBBORN =
  '#!/usr/bin/python3\nimport signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint("ready", flush=True)\n' +
  'while True:\n    signal.pause()\n';

describe.runIf(process.platform === 'linux')('the daemon of a proof', () => {
  const owner = (pid: number, start: string | null) => ({
    ...process.env,
    KTX_SETUP_OWNER: `${pid} ${start}`,
  });

  async function stopAllWith(env: NodeJS.ProcessEnv) {
    const { options } = await daemonProject();
    const child = spawn('sleep', ['600'], { env, stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    const command = '/env/bin/python /env/bin/ktx-daemon serve-http --host 127.0.0.1 --port 9';
    const list = async () => [{ pid: child.pid!, command }];
    const { stopped } = await stopAllManagedPythonDaemons({
      ...options,
      listProcesses: list,
      healthProbeMs: 1,
    });
    return stopped.map(({ pid }) => pid === child.pid);
  }

  it('is spared while its setup is under way', async () => {
    expect(await stopAllWith(owner(process.pid, readProcessStart(process.pid)))).toEqual([]);
  });

  it('is stopped when its setup was killed, also when that pid is another process by now', async () => {
    expect(await stopAllWith(owner(2 ** 22 - 1, '1'))).toEqual([true]);
    expect(await stopAllWith(owner(process.pid, '1'))).toEqual([true]);
  });
});

describe('17. real processes', () => {
  async function zoo() {
    const dir = await temporaryFolder();
    const daemon = join(dir, 'bin', 'ktx-daemon');
    await writeScript(daemon, PAUSE);
    await writeScript(join(dir, 'stubborn', 'ktx-daemon'), STUBBORN);
    for (const name of ['serve-http', 'run', 'my-ktx-daemon', 'other.py', 'ktx-daemon serve-http']) {
      await writeScript(join(dir, name), PAUSE);
    }
    await mkdir(join(dir, 'modules'));
    await writeFile(join(dir, 'modules', 'ktx_daemon.py'), PAUSE);
    await writeFile(join(dir, 'modules', 'ktx_daemon_other.py'), PAUSE);
    const children: ChildProcess[] = [];
    onTestFinished(() => {
      for (const child of children) child.kill('SIGKILL');
    });
    const env = { ...process.env, PYTHONPATH: join(dir, 'modules') };
    async function start(command: string, args: string[], argv0?: string): Promise<number> {
      const child = spawn(command, args, { cwd: dir, env, argv0, stdio: ['pipe', 'pipe', 'ignore'] });
      children.push(child);
      await once(child, 'spawn');
      return child.pid!;
    }
    const own = async () => {
      const pids = new Set(children.map(({ pid }) => pid));
      return (await listProcesses()).filter(({ pid }) => pids.has(pid));
    };
    return { dir, daemon, start, own, children };
  }

  it('strays of every form are found and stopped, one that ignores SIGTERM too', async () => {
    const { options } = await daemonProject();
    const { dir, daemon, start, own, children } = await zoo();
    const python = await realpath('/usr/bin/python3');
    expect(basename(python)).toMatch(/^python3\.\d+$/);
    const pids = [
      await start(daemon, ['serve-http', '--port', '4001']),
      await start('/usr/bin/python3', [daemon, 'serve-http', '--port', '4002']),
      await start(python, [daemon, 'serve-http', '--port', '4003']),
      await start('/usr/bin/python3', ['serve-http', '--port', '4004'], 'ktx-daemon'),
      await start('/usr/bin/python3', ['-m', 'ktx_daemon', 'serve-http', '--port', '4005'], 'python'),
      await start('/usr/bin/python3', ['-m', 'ktx_daemon', 'serve-http', '--port', '4006']),
      await start('/usr/bin/python3', ['run', 'ktx-daemon', 'serve-http', '--port', '4007'], 'uv'),
      await start(
        '/usr/bin/python3',
        ['run', 'python', '-m', 'ktx_daemon', 'serve-http', '--port=4008'],
        'uv',
      ),
      await start('/usr/bin/python3', [join(dir, 'stubborn', 'ktx-daemon'), 'serve-http', '--port', '4009']),
    ];
    await once(children.at(-1)!.stdout!, 'data');
    const result = await stopAllManagedPythonDaemons({
      ...options,
      listProcesses: own,
      healthProbeMs: 20,
    });
    expect(result.failed).toEqual([]);
    expect(result.stopped.map(({ pid }) => pid)).toEqual([...pids].sort((a, b) => a - b));
    const ports = result.stopped.map(({ url }) => Number(new URL(url!).port)).sort();
    expect(ports).toEqual([4001, 4002, 4003, 4004, 4005, 4006, 4007, 4008, 4009]);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it('lookalikes survive', async () => {
    const { options } = await daemonProject();
    const { dir, daemon, start, own } = await zoo();
    const stay = ['-e', 'setInterval(() => {}, 1000)'];
    const pids = [
      await start('/bin/sh', ['-c', 'read line; : ktx-daemon serve-http']),
      await start('/usr/bin/grep', ['ktx-daemon', '-', 'serve-http']),
      await start('/usr/bin/grep', ['ktx-daemon serve-http']),
      await start('/usr/bin/tail', ['-F', daemon, 'serve-http']),
      await start(process.execPath, [...stay, 'ktx-daemon', 'serve-http']),
      await start(process.execPath, [...stay, 'ktx-daemon serve-http'], 'vim'),
      await start('/usr/bin/python3', ['-c', 'import signal; signal.pause()', 'ktx-daemon', 'serve-http']),
      await start('/usr/bin/python3', ['other.py', daemon, 'serve-http']),
      await start('/usr/bin/python3', ['my-ktx-daemon', 'serve-http']),
      await start('/usr/bin/python3', [daemon, 'embedding-compute']),
      // Joined into one text this looks like a daemon; only exact arguments tell.
      await start('/usr/bin/python3', [join(dir, 'ktx-daemon serve-http')]),
      await start('/usr/bin/python3', ['-m', 'ktx_daemon_other', 'serve-http']),
      await start('/usr/bin/python3', ['-m', 'ktx_daemon', 'status']),
    ];
    expect((await own()).map(({ pid }) => pid).sort()).toEqual([...pids].sort());
    const result = await stopAllManagedPythonDaemons({ ...options, listProcesses: own, healthProbeMs: 20 });
    expect(result).toEqual({ stopped: [], stale: [], failed: [], scanErrors: [] });
    expect(pids.filter((pid) => !isRunning(pid))).toEqual([]);
  });
});
