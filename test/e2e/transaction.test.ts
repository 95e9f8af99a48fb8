import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { FailureReport, SetupEvent, SetupResult } from '../../src/core/events.ts';
import { allocateDaemonPort } from '../../src/daemon/http/port.ts';
import { pruneManagedPythonRuntimes } from '../../src/lifecycle/prune.ts';
import { readUndoTarget, undoManagedPythonRuntime } from '../../src/lifecycle/undo.ts';
import { planUninstall, uninstallManagedPythonRuntimes } from '../../src/lifecycle/uninstall.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { prepareInstall } from '../../src/setup/prepare.ts';
import type { PrepareOptions } from '../../src/setup/request/install-types.ts';
import { executeSetup, planSetup, runSetup } from '../../src/setup/setup.ts';
import { fileIdentity } from '../../src/support/fs/file-identity.ts';
import { tryFileLock } from '../../src/support/fs/file-lock.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { writeBrokenAssets } from '../fixtures/broken-assets.ts';
import {
  activeEnvironment,
  CLI_VERSION,
  makeWorld,
  processesOf,
  strays,
  type World,
  whoAnswers,
} from '../fixtures/fault-world.ts';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { watchReads } from '../fixtures/watch-reads.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';

/** One world with the real uv and a package index on loopback; every test starts from a working runtime. */
let index: LoopbackIndex;
let world: World;
beforeAll(async () => {
  index = await startLoopbackIndex(await openWheelhouse());
  world = await makeWorld(index);
}, 180_000);
afterAll(async () => {
  await world.remove();
  await index.close();
});
beforeEach(async () => {
  await setup();
}, 60_000);

type Change = Parameters<World['options']>[0];

async function attempt(change: Change = {}) {
  const events: SetupEvent[] = [];
  const options = {
    ...world.options(change),
    env: world.env,
    onEvent: (event: SetupEvent) => {
      events.push(event);
      change.onEvent?.(event);
    },
  };
  const result = await runSetup(options).catch(() => null);
  const failure = events.find((event) => event.type === 'failure')?.failure ?? null;
  return { result, failure, events };
}

async function setup(change: Change = {}): Promise<SetupResult> {
  const { result, failure } = await attempt(change);
  if (result === null) throw new Error(JSON.stringify(failure));
  return result;
}

const place = () => ({ cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot, env: world.env });
const sitePackages = async (environmentDir: string) => {
  const lib = join(environmentDir, 'lib');
  return join(lib, (await readdir(lib))[0]!, 'site-packages');
};

describe('when a new environment is made', { timeout: 60_000 }, () => {
  it('not when nothing changed; then nothing is read but the bundle, the manifest and the recorded sizes', async () => {
    const environmentDir = (await activeEnvironment(world))!;
    const read = watchReads(world.home);
    expect((await setup()).status).toBe('ready');
    const assetDir = world.assets[0];
    const [wheel] = (await readdir(assetDir)).filter((name) => name.endsWith('.whl'));
    const bundled = ['manifest.json', 'lock.json', wheel!].map((name) => join(assetDir, name));
    const recorded = [join(world.versionDir, 'manifest.json'), join(environmentDir, 'sizes.json')];
    expect(read().sort()).toEqual([...bundled, ...recorded].sort());
  });

  it('not when somebody else made it since the plan was shown', async () => {
    await rm(world.runtimeRoot, { recursive: true });
    const options = { ...world.options(), env: world.env };
    const plan = await planSetup(options);
    if (plan.status !== 'install') throw new Error('nothing to install');
    const first = await setup();
    expect(await executeSetup(plan, options)).toMatchObject({
      status: 'ready',
      pythonPath: first.pythonPath,
    });
  });

  it('from what is there after waiting: who was waited for may have emptied the store', async () => {
    const locks = join(world.runtimeRoot, 'uv', 'locks');
    const lock = tryFileLock(join(locks, `${CLI_VERSION}.lock`))!;
    const self = { pid: process.pid, start: readProcessStart(process.pid), host: hostname() };
    const holder = join(locks, `${CLI_VERSION}.lock.holder.json`);
    await writeFile(holder, JSON.stringify({ ...self, step: 'prune', since: 'noon' }));
    const waits = Promise.withResolvers<void>();
    const forced = runSetup({
      ...world.options({ shouldForce: true }),
      env: world.env,
      onEvent: (event) => event.type === 'note' && event.text.startsWith('Waiting') && waits.resolve(),
    });
    await waits.promise;
    await rm(join(world.runtimeRoot, 'uv', 'store'), { recursive: true });
    lock.release();
    expect(await forced).toMatchObject({ status: 'installed' });
  });

  describe.each([
    ['prune', 'pruneManagedPythonRuntimes', { store: true }],
    ['uninstall', 'uninstallManagedPythonRuntimes', {}],
  ])('from what is there, when a %s ended before it took the lock', (_name, call, extra) => {
    const inBetween = () => {
      const options = { cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot, ...extra };
      const victim = join(PACKAGE_ROOT, 'test', 'faults', 'victim.mjs');
      execFileSync(process.execPath, [victim, call, JSON.stringify(options)], { env: world.env });
    };
    // Whatever was pruned before is in the store again.
    beforeEach(async () => void (await setup({ shouldForce: true })));

    it('the plan is made anew', async () => {
      const plans: (readonly string[])[] = [];
      const forced = await runSetup({
        ...world.options({ shouldForce: true }),
        env: world.env,
        onEvent: (event) => {
          if (event.type !== 'plan') return;
          plans.push(event.plan.hosts);
          // Between the plan and the lock nothing else can be waited for.
          if (plans.length === 1) inBetween();
        },
      });
      expect(forced.status).toBe('installed');
      expect(plans).toEqual([[], [new URL(index.url).host]]);
    });

    it('a plan that was shown is not carried out with other hosts', async () => {
      const options = { ...world.options({ shouldForce: true }), env: world.env };
      const plan = await planSetup(options);
      if (plan.status !== 'install') throw new Error('nothing to install');
      inBetween();
      await expect(executeSetup(plan, options)).rejects.toMatchObject({
        failureClass: 'conflict',
        message: expect.stringContaining('the plan no longer holds'),
      });
    });

    it('but with those that the user allows', async () => {
      const options = {
        ...world.options({ shouldForce: true, allowedHosts: ['127.0.0.1'] }),
        env: world.env,
      };
      const plan = await planSetup(options);
      if (plan.status !== 'install') throw new Error('nothing to install');
      inBetween();
      expect(await executeSetup(plan, options)).toMatchObject({ status: 'installed' });
    });
  });

  it('when the lock changed, without fetching what is there', async () => {
    const before = await activeEnvironment(world);
    const { result } = await attempt({ assetDir: world.assets[1] });
    expect(result).toMatchObject({ status: 'installed', downloadedBytes: 0 });
    expect(await activeEnvironment(world)).not.toBe(before);
    expect((await setup({ assetDir: world.assets[1] })).status).toBe('ready');
    await setup();
  });

  it.each(['lock', 'requirements'])('when the %s is another one than was written down', async (name) => {
    const manifestPath = join(world.versionDir, 'manifest.json');
    const manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
    manifest.locked[name] = '0'.repeat(64);
    await writeFile(manifestPath, JSON.stringify(manifest));
    expect((await setup()).status).toBe('installed');
  });

  it('with --offline what a changed lock misses is named by digest, and the old runtime stays', async () => {
    const before = await activeEnvironment(world);
    const store = join(world.runtimeRoot, 'uv', 'store');
    const digests = await readdir(store);
    const missing: string[] = [];
    for (const digest of digests) {
      const [file] = await readdir(join(store, digest));
      if (/^(sqlglot|pydantic_core)-/.test(file!)) missing.push(digest);
    }
    for (const digest of missing) await rm(join(store, digest), { recursive: true });
    const { failure } = await attempt({ assetDir: world.assets[1], isOffline: true });
    for (const digest of missing) expect(failure!.evidence.join('\n')).toContain(digest);
    expect(failure!.title).toContain(`${missing.length} packages`);
    expect(await activeEnvironment(world)).toBe(before);
    expect(await whoAnswers(world, before)).toBe('old');
    index.requests.length = 0;
    await setup({ assetDir: world.assets[1] });
    const fetched = index.requests.filter((path) => path.startsWith('/files/') && !path.includes('uv-'));
    expect(new Set(fetched.map((path) => basename(path).split('-')[0]))).toEqual(
      new Set(['sqlglot', 'pydantic_core']),
    );
    await setup();
  });

  it('but it takes over only when it has proved itself', async () => {
    const before = (await activeEnvironment(world))!;
    const assetDir = join(world.home, 'assets-broken');
    await writeBrokenAssets(assetDir, world.assets[0]);
    const { failure } = await attempt({ assetDir });
    expect(failure).toMatchObject({ step: 'prove', title: expect.stringContaining('cannot be imported') });
    expect(await activeEnvironment(world)).toBe(before);
    expect(await whoAnswers(world, before)).toBe('old');
    expect(await strays(world)).toEqual([]);
  });

  it('a file altered in the active environment does not reach the next one', async () => {
    const active = (await activeEnvironment(world))!;
    const altered = join(await sitePackages(active), 'sqlglot', '__init__.py');
    await appendFile(altered, '\nALTERED = True\n');
    await setup({ shouldForce: true });
    const next = (await activeEnvironment(world))!;
    expect(next).not.toBe(active);
    const text = await readFile(join(await sitePackages(next), 'sqlglot', '__init__.py'), 'utf8');
    expect(text).not.toContain('ALTERED');
  });
});

describe('what the last install was made from', { timeout: 60_000 }, () => {
  const storeDir = () => join(world.runtimeRoot, 'uv', 'store');
  const knownFiles = () => join(world.runtimeRoot, 'uv', 'known-files');
  const wheel = async (name: string) => {
    for (const digest of await readdir(storeDir())) {
      const [file] = await readdir(join(storeDir(), digest));
      if (file!.startsWith(name)) return join(storeDir(), digest, file!);
    }
    throw new Error(`no ${name} in the store`);
  };

  /** Files of the store that a plan reads. */
  const readBy = async (change: Partial<PrepareOptions>) => {
    const read = watchReads(world.home);
    const options = { ...world.options({ shouldForce: true }), homeDir: world.home, env: world.env };
    const planned = await prepareInstall({ ...options, ...change });
    if (planned.status === 'install') await planned.tools.network.close();
    return read().filter((path) => path.startsWith(storeDir()));
  };

  it('is not hashed for the next plan', async () => {
    await setup({ shouldForce: true });
    expect(await readBy({})).toEqual([]);
  });

  it.each<[string, () => Partial<PrepareOptions>]>([
    ['was given', () => ({ uvPath: join(world.runtimeRoot, 'uv', '0.11.21', 'uv') })],
    ['is injected', () => ({ exec: async () => ({ stdout: '', stderr: '' }) })],
    ['comes from who embeds us', () => ({ fetchUvArtifact: async () => Buffer.alloc(0) })],
  ])('but it is for a uv that %s, which need not hash what it unpacks', async (_, change) => {
    await setup({ shouldForce: true });
    const wheels = (await readFile(knownFiles(), 'utf8')).trim().split('\n').length;
    expect(await readBy(change())).toHaveLength(wheels);
  });

  it('and what changes after it was checked is not taken as known', async () => {
    const path = await wheel('sqlglot-');
    const bytes = await readFile(path);
    const { result } = await attempt({
      shouldForce: true,
      onEvent: (event) => {
        if (event.type === 'step' && event.step === 'prove' && event.status === 'started')
          writeFileSync(path, Buffer.concat([bytes.subarray(1), bytes.subarray(0, 1)]));
      },
    });
    expect(result?.status).toBe('installed');
    const { failure } = await attempt({ shouldForce: true, isOffline: true });
    // The log that is there tells of the install before, which this process made.
    expect(failure).toMatchObject({
      title: expect.stringContaining('1 package'),
      step: 'plan',
      logPath: null,
    });
  });

  it('and still no byte of it is used that is not as it was locked', async () => {
    await setup({ shouldForce: true });
    const before = await activeEnvironment(world);
    const path = await wheel('sqlglot-');
    const bytes = await readFile(path);
    // The time of a member in the archive's directory: what is unpacked is the same, so only its digest tells.
    bytes[bytes.lastIndexOf('PK\x01\x02') + 12]! ^= 1;
    const identity = await fileIdentity(path);
    await writeFile(path, bytes);
    // A disk that changes bytes by itself leaves no trace in times.
    const known = await readFile(knownFiles(), 'utf8');
    await writeFile(knownFiles(), known.replace(identity!, (await fileIdentity(path))!));
    const { failure } = await attempt({ shouldForce: true });
    expect(failure).toMatchObject({ failureClass: 'verification', step: 'packages' });
    expect(await activeEnvironment(world)).toBe(before);
    expect(await whoAnswers(world, before)).toBe('old');
    expect(await strays(world)).toEqual([]);
    const { result, events } = await attempt({ shouldForce: true });
    expect(result?.status).toBe('installed');
    const said = events.flatMap((event) => (event.type === 'note' ? [event.text] : [])).join('\n');
    expect(said).toContain(`${basename(path)} in the store had been altered`);
  });
});

describe('network settings that are wrong, with a full store', { timeout: 60_000 }, () => {
  it('do not matter, and are not read', async () => {
    const settings = join(world.home, 'wrong.conf');
    await writeFile(settings, '[global]\nindex-url = ftp://index.internal/simple\n');
    const read = watchReads(world.home);
    const { indexUrl: _, ...options } = world.options({ shouldForce: true });
    const result = await runSetup({ ...options, env: { ...world.env, PIP_CONFIG_FILE: settings } });
    expect(result.status).toBe('installed');
    expect(read()).not.toContain(settings);
  });

  it('and a secret among them that the proof prints is hidden all the same', async () => {
    const assetDir = join(world.home, 'assets-telling');
    const shown = ['UV_INDEX_CORP_PASSWORD', 'https_proxy'].map(
      (name) => `os.environ.get("${name}", "")[-40:]`,
    );
    const code = `import os\nraise RuntimeError(${shown.join(' + " " + ')}.split("//")[-1])\n`;
    await writeBrokenAssets(assetDir, world.assets[0], code);
    const events: SetupEvent[] = [];
    const { indexUrl: _, ...options } = world.options({ assetDir });
    const env = {
      ...world.env,
      UV_INDEX_CORP_PASSWORD: 'open-sesame',
      https_proxy: 'http://me:hush-hush@proxy.internal:3128',
    };
    await runSetup({ ...options, env, onEvent: (event) => events.push(event) }).catch(() => {});
    const log = await readFile(join(world.versionDir, 'install.log'), 'utf8');
    const written = JSON.stringify(events) + log;
    expect(written).toContain('proxy.internal:3128');
    expect(written).not.toMatch(/open-sesame|hush-hush/);
  });

  it('and those that are not obeyed are named in a plan that needs them', async () => {
    const runtimeRoot = join(world.home, 'another');
    const env = { ...world.env, PIP_TRUSTED_HOST: 'index.internal' };
    const planned = await planSetup({ ...world.options({ runtimeRoot }), env });
    if (planned.status !== 'install') throw new Error(planned.status);
    await planned.tools.network.close();
    expect(planned.summary.notes.join('\n')).toContain('ignored');
  });

  it('are told of when they were said on the command line', async () => {
    const { failure } = await attempt({ shouldForce: true, indexUrl: 'ftp://index.internal/simple' });
    expect(failure).toMatchObject({ title: expect.stringContaining('--index-url'), step: 'plan' });
  });
});

describe('undo', { timeout: 60_000 }, () => {
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

describe('prune', { timeout: 60_000 }, () => {
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

describe('uninstall', { timeout: 60_000 }, () => {
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
    expect(parts.sort()).toEqual(['downloads', 'locks', 'runtime 0.3.0', 'uv'].sort());
    expect(plan.sizeBytes).toBeGreaterThan(100_000_000);
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

  it('refuses while somebody else runs its interpreter, and deletes nothing', async () => {
    const active = (await activeEnvironment(world))!;
    const child = spawn(join(active, 'bin', 'python'), ['-c', 'import time; time.sleep(1000)'], {
      stdio: 'ignore',
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'spawn');
    await expect(uninstallManagedPythonRuntimes(place())).rejects.toThrow(/Programs run from the runtime/);
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

describe('several at once', { timeout: 180_000 }, () => {
  it.each([2, 10])('%i first setups: one installs, the others wait and report ready', async (length) => {
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

describe('what lies about', { timeout: 60_000 }, () => {
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
