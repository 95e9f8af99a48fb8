import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { appendFile, chmod, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { prepareInstall } from '../../src/setup/prepare.ts';
import { readChosenPython } from '../../src/setup/request/choices.ts';
import type { PrepareOptions } from '../../src/setup/request/install-types.ts';
import { executeSetup, planSetup, runSetup } from '../../src/setup/setup.ts';
import { fileIdentity } from '../../src/support/fs/file-identity.ts';
import { tryFileLock } from '../../src/support/fs/file-lock.ts';
import { isExecutable } from '../../src/support/fs/path-exists.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { MANAGED_UV_VERSION } from '../../src/uv/release.ts';
import { writeBrokenAssets } from '../fixtures/broken-assets.ts';
import { activeEnvironment, CLI_VERSION, strays, whoAnswers } from '../fixtures/fault-world.ts';
import { watchReads } from '../fixtures/watch-reads.ts';
import {
  attemptIn,
  openWorkingWorld,
  setupIn,
  sitePackages,
  type WorkingWorld,
} from '../fixtures/working-world.ts';

/** When a new environment is made, and from what: every test starts from a working runtime. */
let world: WorkingWorld;
let index: WorkingWorld['index'];
beforeAll(async () => {
  world = await openWorkingWorld();
  index = world.index;
});
afterAll(() => world?.remove());
beforeEach(() => setup(), 300_000);

type Change = Parameters<WorkingWorld['options']>[0];
const attempt = (change: Change = {}) => attemptIn(world, change);
const setup = (change: Change = {}) => setupIn(world, change);

const uvPath = () => join(world.runtimeRoot, 'uv', MANAGED_UV_VERSION, 'uv');

describe('when a new environment is made', () => {
  it('not when nothing changed; then nothing is read but the bundle, the manifest, the recorded sizes and the mark of uv', async () => {
    const environmentDir = (await activeEnvironment(world))!;
    const read = watchReads(world.home);
    expect((await setup()).status).toBe('ready');
    const assetDir = world.assets[0];
    const [wheel] = (await readdir(assetDir)).filter((name) => name.endsWith('.whl'));
    const bundled = ['manifest.json', 'lock.json', wheel!].map((name) => join(assetDir, name));
    const recorded = [join(world.versionDir, 'manifest.json'), join(environmentDir, 'sizes.json')];
    const mark = `${uvPath()}.verified`;
    expect(read().sort()).toEqual([...bundled, ...recorded, mark].sort());
  });

  it('not when only uv is missing, cut short or may not be run: it is put back, and that is said', async () => {
    const environmentDir = await activeEnvironment(world);
    const harms = [
      () => rm(uvPath()),
      () => truncate(uvPath(), 1000),
      () => chmod(uvPath(), 0o644),
      () => rm(join(world.runtimeRoot, 'uv', MANAGED_UV_VERSION), { recursive: true }),
    ];
    for (const harm of harms) {
      await harm();
      const notes: string[] = [];
      const onEvent = (event: SetupEvent) => void (event.type === 'note' && notes.push(event.text));
      expect((await setup({ onEvent })).status).toBe('ready');
      expect(notes).toEqual([`Put uv back: ${uvPath()}`]);
      expect(await isExecutable(uvPath())).toBe(true);
    }
    expect(await activeEnvironment(world)).toBe(environmentDir);
  });

  it('not when what is missing cannot be put back: the runtime works, and a warning says what is wrong', async () => {
    await rm(uvPath());
    await rm(join(world.runtimeRoot, 'uv', 'store'), { recursive: true });
    const notes: string[] = [];
    const onEvent = (event: SetupEvent) => void (event.type === 'note' && notes.push(event.text));
    expect((await setup({ onEvent, isOffline: true })).status).toBe('ready');
    expect(notes).toContainEqual(
      expect.stringMatching(/^The runtime works, but its uv could not be put back: /),
    );
  });

  it('with the Python that an earlier setup was told to use, until another is asked for', async () => {
    const python = world.options().python;
    const { python: _, ...rest } = { ...world.options(), env: world.env, shouldForce: true };
    const notes: string[] = [];
    const onEvent = (event: SetupEvent) => void (event.type === 'note' && notes.push(event.text));
    const kept = await runSetup({ ...rest, onEvent });
    expect(kept.pythonLabel).toContain((python as { path: string }).path);
    expect(notes.join('\n')).toContain('Using the Python chosen for this runtime earlier');
    await setup({ python: 'auto', shouldForce: true });
    expect(await readChosenPython(world.runtimeRoot)).toBeNull();
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

    it('a plan that was shown is carried out with other hosts that the user allows', async () => {
      const options = {
        ...world.options({ shouldForce: true, allowedHosts: ['127.0.0.1'] }),
        env: world.env,
      };
      const plan = await planSetup(options);
      if (plan.status !== 'install') throw new Error('nothing to install');
      inBetween();
      expect(await executeSetup(plan, options)).toMatchObject({ status: 'installed' });
    });

    it('but not with those that nobody allowed', async () => {
      const options = { ...world.options({ shouldForce: true }), env: world.env };
      const plan = await planSetup(options);
      if (plan.status !== 'install') throw new Error('nothing to install');
      inBetween();
      await expect(executeSetup(plan, options)).rejects.toMatchObject({
        failureClass: 'conflict',
        message: expect.stringContaining('the plan no longer holds'),
      });
      // The next test starts from a full store again.
      await rm(world.runtimeRoot, { recursive: true, force: true });
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
      if (/^(sqlglot|uvicorn)-/.test(file!)) missing.push(digest);
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
      new Set(['sqlglot', 'uvicorn']),
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

describe('what the last install was made from', () => {
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

describe('network settings that are wrong, with a full store', () => {
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
