import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { allocateDaemonPort } from '../../src/daemon/http/port.ts';
import { pruneManagedPythonRuntimes } from '../../src/lifecycle/prune.ts';
import { readUndoTarget, undoManagedPythonRuntime } from '../../src/lifecycle/undo.ts';
import { planUninstall, uninstallManagedPythonRuntimes } from '../../src/lifecycle/uninstall.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { activeEnvironment, CLI_VERSION, processesOf, strays, whoAnswers } from '../fixtures/fault-world.ts';
import { openWorkingWorld, setupIn, sitePackages, type WorkingWorld } from '../fixtures/working-world.ts';

/** Undo, prune and uninstall: every test starts from a working runtime. */
let world: WorkingWorld;

beforeAll(async () => {
  world = await openWorkingWorld();
});
afterAll(() => world?.remove());
beforeEach(() => setup(), 300_000);

type Change = Parameters<WorkingWorld['options']>[0];
const setup = (change: Change = {}) => setupIn(world, change);
const place = () => ({ cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot, env: world.env });

describe('undo', () => {
  it('goes back, and forward again; the one that is undone stays', async () => {
    const first = (await activeEnvironment(world))!;
    await setup({ shouldForce: true });
    const second = (await activeEnvironment(world))!;
    const back = await undoManagedPythonRuntime(place());
    expect(back).toMatchObject({
      direction: 'back',
      from: { environmentDir: second },
      to: { environmentDir: first },
    });
    expect(await activeEnvironment(world)).toBe(first);
    expect(await whoAnswers(world, first)).toBe('old');
    expect(await strays(world)).toEqual([]);
    expect(await readUndoTarget(place())).toMatchObject({ direction: 'forward' });
    await undoManagedPythonRuntime(place());
    expect(await activeEnvironment(world)).toBe(second);
  });

  it('an environment that does not work does not take over', async () => {
    await setup({ shouldForce: true });
    const { to, from } = (await readUndoTarget(place()))!;
    const module = join(await sitePackages(to.environmentDir), 'ktx_daemon', '__init__.py');
    const text = await readFile(module, 'utf8');
    await writeFile(module, 'raise RuntimeError("broken")\n');
    await expect(undoManagedPythonRuntime(place())).rejects.toThrow(/cannot be imported/);
    await writeFile(module, text);
    expect(await activeEnvironment(world)).toBe(from!.environmentDir);
    expect(await strays(world)).toEqual([]);
  });

  it('without a previous environment it says so', async () => {
    const empty = { ...place(), cliVersion: '0.9.0' };
    expect(await readUndoTarget(empty)).toBeNull();
    await expect(undoManagedPythonRuntime(empty)).rejects.toThrow(/no other environment/);
  });
});

async function daemon(environmentDir: string): Promise<number> {
  const args = ['serve-http', '--port', String(await allocateDaemonPort())];
  const child = spawn(join(environmentDir, 'bin', 'ktx-daemon'), args, { env: world.env, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child.pid!;
}

const isRunning = (pid: number) => processesOf(world).includes(pid);

describe('prune', () => {
  it('spares other versions whose daemon runs, and the store unless told', async () => {
    await setup({ cliVersion: '0.2.0' });
    const other = join(world.runtimeRoot, '0.2.0');
    const [id] = await readdir(join(other, 'envs'));
    const pid = await daemon(join(other, 'envs', id!));
    const options = { cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot };
    expect(await pruneManagedPythonRuntimes(options)).toMatchObject({ stale: [], removed: [] });
    process.kill(pid, 'SIGKILL');
    while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await pruneManagedPythonRuntimes(options)).removed).toEqual([other]);
    const store = join(world.runtimeRoot, 'uv', 'store');
    expect((await readdir(store)).length).toBeGreaterThan(0);
    await writeFile(join(store, 'mine.txt'), '');
    await pruneManagedPythonRuntimes({ ...options, store: true });
    expect(await readdir(store)).toEqual(['mine.txt']);
    await rm(join(store, 'mine.txt'));
    expect(await whoAnswers(world, null)).toBe('new');
  });
});

describe('uninstall', () => {
  it('deletes what ktx made, stops its daemon, and never a file it does not know', async () => {
    // The store may be empty after what was tried before.
    await setup({ shouldForce: true });
    const active = (await activeEnvironment(world))!;
    const pid = await daemon(active);
    const mine = [
      join(world.runtimeRoot, 'notes.txt'),
      join(world.versionDir, 'mine'),
      join(world.runtimeRoot, 'uv', 'store', 'x.whl'),
    ];
    for (const path of mine) await writeFile(path, 'precious');
    const plan = await planUninstall(place());
    // Of setups that failed before this.
    const parts = plan.parts.map(({ what }) => what).filter((what) => what !== 'logs');
    expect(parts.sort()).toEqual(['choices', 'downloads', 'locks', 'runtime 0.3.0', 'uv'].sort());
    expect(plan.sizeBytes).toBeGreaterThan(75_000_000);
    expect(plan.daemons.map((entry) => entry.pid)).toEqual([pid]);
    const result = await uninstallManagedPythonRuntimes(place());
    expect(result.stoppedPids).toEqual([pid]);
    expect(isRunning(pid)).toBe(false);
    expect(result.left.map(({ path }) => path).sort()).toEqual([...mine].sort());
    expect(result.leftBytes).toBe(24);
    for (const path of mine) expect(await readFile(path, 'utf8')).toBe('precious');
    const files = (await readdir(world.runtimeRoot, { recursive: true, withFileTypes: true })).filter(
      (entry) => !entry.isDirectory(),
    );
    expect(files).toHaveLength(3);
    await rm(world.runtimeRoot, { recursive: true });
  });

  it.each([
    ['uninstall', 'uninstallManagedPythonRuntimes', CLI_VERSION],
    ['prune', 'pruneManagedPythonRuntimes', '0.9.0'],
  ])('what a killed %s leaves is still known to be of ktx', async (_name, call, cliVersion) => {
    const hook = pathToFileURL(join(PACKAGE_ROOT, 'test', 'fixtures', 'kill-in-removal.mjs')).href;
    world.env['NODE_OPTIONS'] = `--import ${hook}`;
    const started = world.call(call, { cliVersion, runtimeRoot: world.runtimeRoot });
    delete world.env['NODE_OPTIONS'];
    expect((await started.ended).signal).toBe('SIGKILL');
    expect((await readdir(join(world.versionDir, 'envs'))).length).toBeGreaterThan(0);
    expect((await planUninstall(place())).foreign).toEqual([]);
    expect(await uninstallManagedPythonRuntimes(place())).toMatchObject({ left: [], leftBytes: 0 });
    await expect(stat(world.runtimeRoot)).rejects.toThrow(/ENOENT/);
  });

  it('what a killed setup leaves goes too, and a plan beforehand knows it', async () => {
    await rm(world.runtimeRoot, { recursive: true });
    // While uv installs: the environment is half there.
    await world.start(world.options(), { atEntry: 8 }).ended;
    expect((await planUninstall(place())).foreign).toEqual([]);
    expect(await uninstallManagedPythonRuntimes(place())).toMatchObject({ left: [], leftBytes: 0 });
    await expect(stat(world.runtimeRoot)).rejects.toThrow(/ENOENT/);
  });

  it('leaves nothing where there is nothing else', async () => {
    expect(await uninstallManagedPythonRuntimes(place())).toMatchObject({ left: [], leftBytes: 0 });
    await expect(stat(world.runtimeRoot)).rejects.toThrow(/ENOENT/);
    expect(await uninstallManagedPythonRuntimes(place())).toMatchObject({ removedBytes: 0, left: [] });
  });

  it('ends a worker that a daemon of ours left, and goes on', async () => {
    const active = (await activeEnvironment(world))!;
    // It waits for what its daemon asks, on a pipe that stays open.
    const worker = spawn(join(active, 'bin', 'python'), ['-P', '-m', 'ktx_daemon.sql.worker', '10'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    onTestFinished(() => void worker.kill('SIGKILL'));
    const ended = once(worker, 'exit');
    await once(worker, 'spawn');
    expect(await uninstallManagedPythonRuntimes(place())).toMatchObject({ left: [], leftBytes: 0 });
    expect((await ended)[1]).toBe('SIGTERM');
  });

  it('refuses while somebody else runs its interpreter, and deletes nothing', async () => {
    const active = (await activeEnvironment(world))!;
    const child = spawn(join(active, 'bin', 'python'), ['-c', 'import time; time.sleep(1000)'], {
      stdio: 'ignore',
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    await expect(uninstallManagedPythonRuntimes(place())).rejects.toThrow(
      /Programs are still running from this runtime/,
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await whoAnswers(world, active)).toBe('old');
  });

  it('a link in place of a folder of ours is not followed', async () => {
    const elsewhere = join(world.home, 'elsewhere');
    await mkdir(join(elsewhere, '0123456789abcdef'.repeat(4)), { recursive: true });
    const modelsDir = join(world.runtimeRoot, 'uv', 'models');
    execFileSync('ln', ['-s', elsewhere, modelsDir]);
    const { left } = await uninstallManagedPythonRuntimes(place());
    expect(left.map(({ path }) => path)).toEqual([modelsDir]);
    expect(await readdir(elsewhere)).toHaveLength(1);
    await rm(world.runtimeRoot, { recursive: true });
  });
});
