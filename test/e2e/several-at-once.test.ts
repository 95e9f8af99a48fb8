import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FailureReport } from '../../src/core/events.ts';
import { activeEnvironment, CLI_VERSION, processesOf, strays, whoAnswers } from '../fixtures/fault-world.ts';
import { attemptIn, openWorkingWorld, setupIn, type WorkingWorld } from '../fixtures/working-world.ts';

/** Several at once, and what lies about: every test starts from a working runtime. */
let world: WorkingWorld;

beforeAll(async () => {
  world = await openWorkingWorld();
});
afterAll(() => world?.remove());
beforeEach(() => setup(), 300_000);

type Change = Parameters<WorkingWorld['options']>[0];
const attempt = (change: Change = {}) => attemptIn(world, change);
const setup = (change: Change = {}) => setupIn(world, change);

describe('several at once', () => {
  it.each([6])('%i first setups: one installs, the others wait and report ready', async (length) => {
    await rm(world.runtimeRoot, { recursive: true });
    const all = await Promise.all(Array.from({ length }, () => world.start(world.options()).ended));
    expect(all.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(all.map(() => [0, '']));
    const statuses = all.map(({ events }) => events.find(({ type }) => type === 'result')!.result!.status);
    expect(statuses.filter((status) => status === 'installed')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'ready')).toHaveLength(length - 1);
    expect(await strays(world)).toEqual([]);
    expect(await whoAnswers(world, null)).toBe('new');
  });

  it('two versions that share the folder', async () => {
    await rm(world.runtimeRoot, { recursive: true });
    const all = await Promise.all(
      ['0.3.0', '0.4.0', '0.3.0', '0.4.0'].map(
        (cliVersion) => world.start(world.options({ cliVersion })).ended,
      ),
    );
    expect(all.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    const statuses = all.map(({ events }) => events.find(({ type }) => type === 'result')!.result!.status);
    expect(statuses.filter((status) => status === 'installed')).toHaveLength(2);
    await rm(join(world.runtimeRoot, '0.4.0'), { recursive: true });
  });

  it.each([
    ['prune', 'pruneManagedPythonRuntimes', { store: true }],
    ['uninstall', 'uninstallManagedPythonRuntimes', {}],
    ['undo', 'undoManagedPythonRuntime', {}],
  ])('a setup against %s: one after the other, and a setup afterwards works', async (_name, call, extra) => {
    await setup({ shouldForce: true });
    const options = { cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot, ...extra };
    const setups = [0, 1].map(() => world.start(world.options({ shouldForce: true })));
    const [other, ...rest] = await Promise.all(
      [world.call(call, options), ...setups].map((started) => started.ended),
    );
    expect(other!.stderr).toBe('');
    expect(rest.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    await setup();
    expect(await whoAnswers(world, null)).toBe('new');
    expect(await strays(world)).toEqual([]);
    expect(processesOf(world)).toEqual([]);
  });
});

describe('what lies about', () => {
  it('an altered uv that --offline forbids to replace is called so, and not missing', async () => {
    await setup({ shouldForce: true });
    const store = join(world.runtimeRoot, 'uv', 'store');
    for (const digest of await readdir(store)) {
      const [file] = await readdir(join(store, digest));
      if (file!.startsWith('uv-')) await rm(join(store, digest), { recursive: true });
    }
    const uvPath = join(world.runtimeRoot, 'uv', '0.11.21', 'uv');
    const pinned = await readFile(uvPath);
    await appendFile(uvPath, 'x');
    const { failure } = await attempt({ shouldForce: true, isOffline: true });
    expect(failure!.title).toContain('uv 0.11.21 was altered, and --offline forbids to fetch it');
    expect(failure!.evidence.join()).toContain(uvPath);
    await writeFile(uvPath, pinned);
  });

  it('a manifest that names a program of somebody else: nobody runs it, and the next setup replaces it', async () => {
    const bin = join(world.home, 'elsewhere', 'envs', 'deadbeef', 'bin');
    await mkdir(bin, { recursive: true });
    const trace = join(world.home, 'was-run');
    const python = { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') };
    for (const path of Object.values(python))
      await writeFile(path, `#!/bin/sh\ntouch '${trace}'\n`, { mode: 0o755 });
    const before = (await activeEnvironment(world))!;
    const manifestPath = join(world.versionDir, 'manifest.json');
    const manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
    await writeFile(manifestPath, JSON.stringify({ ...manifest, python }));
    expect(await activeEnvironment(world)).toBeNull();
    const { result } = await attempt();
    expect(result).toMatchObject({ status: 'installed' });
    expect(await activeEnvironment(world)).not.toBe(before);
    expect(await whoAnswers(world, null)).toBe('new');
    await expect(stat(trace)).rejects.toThrow(/ENOENT/);
    expect(await strays(world)).toEqual([]);
  });

  it('a lock file of another user is an error that names it', async () => {
    const lock = join(world.runtimeRoot, 'uv', 'locks', 'root.lock');
    await rm(lock);
    await mkdir(lock);
    const { failure } = await attempt({ shouldForce: true });
    expect(failure).toMatchObject({ failureClass: 'permission' } satisfies Partial<FailureReport>);
    expect(failure!.title).toContain(lock);
    await rm(lock, { recursive: true });
  });

  it('status writes nothing, whatever lies about', async () => {
    await mkdir(join(world.runtimeRoot, 'uv', 'runs', '00000000-0000-0000-0000-000000000000'), {
      recursive: true,
    });
    const files = async () => (await readdir(world.runtimeRoot, { recursive: true })).sort();
    const before = await files();
    await activeEnvironment(world);
    expect(await files()).toEqual(before);
    // The next setup has nothing else to do and clears it away all the same.
    expect((await setup()).status).toBe('ready');
    expect(await strays(world)).toEqual([]);
  });
});
