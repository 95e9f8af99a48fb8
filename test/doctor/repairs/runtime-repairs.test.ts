import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import { sharedLayout } from '../../../src/core/layout.ts';
import { checkSurroundings } from '../../../src/doctor/checks/context.ts';
import { type Backup, startBackup } from '../../../src/doctor/repairs/backup.ts';
import type { RepairContext, RepairOptions } from '../../../src/doctor/repairs/repair.ts';
import { formerPythons, installedFeatures } from '../../../src/doctor/repairs/runtime-facts.ts';
import { RUNTIME_REPAIRS } from '../../../src/doctor/repairs/runtime-repairs.ts';
import type { SetupOptions } from '../../../src/setup/request/setup-options.ts';
import { writeRuntime } from '../../fixtures/asset.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({
  plan: vi.fn(),
  run: vi.fn(),
  discard: vi.fn(),
  prove: vi.fn(),
  undo: vi.fn(),
}));
vi.mock('../../../src/setup/setup.ts', () => ({
  planSetup: fake.plan,
  runSetup: fake.run,
  discardPlan: fake.discard,
}));
vi.mock('../../../src/proof/prove.ts', () => ({ proveEnvironment: fake.prove }));
vi.mock('../../../src/lifecycle/undo.ts', () => ({ undoManagedPythonRuntime: fake.undo }));

const VERSION = '0.3.0';
const SUMMARY = {
  features: ['core', 'local-embeddings'],
  python: { version: '3.13.1' },
  downloadBytes: 5,
  hosts: ['a.example'],
  hasOpenHosts: false,
};
let root: string;
let runtimeRoot: string;
let notes: string[];
const folderOf = (id: string) => join(runtimeRoot, VERSION, 'envs', id);

beforeEach(async () => {
  for (const each of Object.values(fake)) each.mockReset();
  fake.plan.mockResolvedValue({ status: 'install', summary: SUMMARY });
  root = await temporaryFolder();
  runtimeRoot = join(root, 'runtime');
  notes = [];
  await writeRuntime(runtimeRoot, VERSION);
});

function context(options: RepairOptions = {}): RepairContext {
  const target = { cliVersion: VERSION, runtimeRoot, env: { A: '1' }, homeDir: root, assetDir: '/assets' };
  const surroundings = checkSurroundings(target, { isDeep: false, signal: new AbortController().signal });
  return {
    ...surroundings,
    options,
    onProgress: () => {},
    note: (level: string, text: string) => notes.push(`${level} ${text}`),
    backup: null,
  };
}

/** A finished environment with a manifest of its own. */
async function writeEnvironment(
  id: string,
  installedAt = '2026-01-02T03:04:05.000Z',
  change: object = {},
): Promise<void> {
  const bin = join(folderOf(id), 'bin');
  const python = { executable: join(bin, 'python'), daemonExecutable: join(bin, 'ktx-daemon') };
  await mkdir(bin, { recursive: true });
  for (const path of Object.values(python)) await writeFile(path, '', { mode: 0o755 });
  const manifest = await writeRuntimeManifest();
  await writeFile(
    join(folderOf(id), 'environment.json'),
    JSON.stringify({ ...manifest, installedAt, python, previous: null, ...change }),
  );
}
const manifestPath = () => join(runtimeRoot, VERSION, 'manifest.json');
const writeRuntimeManifest = async () => {
  const text = await readFile(manifestPath(), 'utf8').catch(() => null);
  return text === null ? await writeRuntime(join(root, 'other'), VERSION) : JSON.parse(text);
};

const repair = (id: string) => RUNTIME_REPAIRS.find((each) => each.id === id)!;
const attempts = () =>
  (fake.plan.mock.calls as [SetupOptions][]).map(([{ python, isOffline }]) => [python, isOffline]);

describe('rebuild-environment', () => {
  it('says what it builds, and what that takes', async () => {
    expect(await repair('rebuild-environment').plan(context())).toEqual({
      what: 'Rebuilds core and local-embeddings with Python 3.13.1, proves it, then switches',
      paths: [manifestPath(), join(runtimeRoot, VERSION, '.venv'), join(runtimeRoot, VERSION, 'envs')],
      downloadBytes: 5,
      hosts: ['a.example'],
      worksOffline: false,
      canUndo: true,
    });
    // Each plan is discarded: the attempt's, and that of the preview.
    expect(fake.discard).toHaveBeenCalledTimes(2);
    expect(fake.plan.mock.calls[0]![0]).toMatchObject({
      cliVersion: VERSION,
      features: ['core'],
      runtimeRoot,
      assetDir: '/assets',
      env: { A: '1' },
      homeDir: root,
      shouldForce: true,
      python: 'auto',
      isOffline: true,
      onEvent: undefined,
    });
  });

  test.each([
    [[], false, true],
    [[], undefined, true],
    [[], true, false],
    [['a.example'], false, false],
  ])('hosts %j, open %s: offline %s', async (hosts, hasOpenHosts, worksOffline) => {
    fake.plan.mockResolvedValue({ status: 'install', summary: { ...SUMMARY, hosts, hasOpenHosts } });
    expect((await repair('rebuild-environment').plan(context())).worksOffline).toBe(worksOffline);
  });

  it('has nothing to do where all is ready', async () => {
    fake.plan.mockResolvedValue({ status: 'ready' });
    expect(await repair('rebuild-environment').plan(context())).toMatchObject({
      what: 'Nothing has to be built',
      paths: [],
    });
    expect(fake.discard).not.toHaveBeenCalled();
  });

  it('tries the Pythons of before first, all of it offline, and only then asks a host', async () => {
    const base = join(root, 'base');
    await mkdir(base);
    await writeFile(join(base, 'python3.12'), '');
    await writeFile(join(folderOf('7f3c0000'), 'pyvenv.cfg'), `home = ${base}\nversion = 3.12.1\n`);
    fake.plan.mockRejectedValue(new Error('last of them'));
    await expect(
      repair('rebuild-environment').plan(context({ indexUrl: 'https://i.example' })),
    ).rejects.toThrow('last of them');
    const before = { path: join(base, 'python3.12') };
    expect(attempts()).toEqual([
      [before, true],
      ['auto', true],
      [before, undefined],
      ['auto', undefined],
    ]);
    expect(fake.plan.mock.lastCall![0].indexUrl).toBe('https://i.example');
    fake.plan.mockClear();
    await expect(repair('rebuild-environment').plan(context({ isOffline: true }))).rejects.toThrow(
      'last of them',
    );
    expect(attempts()).toEqual([
      [before, true],
      ['auto', true],
    ]);
  });

  it('stops at once when it is cancelled', async () => {
    fake.plan.mockRejectedValue(new Error('cancelled'));
    await expect(
      repair('rebuild-environment').plan(context({ signal: AbortSignal.abort() })),
    ).rejects.toThrow('cancelled');
    expect(fake.plan).toHaveBeenCalledOnce();
  });

  it('backs up what it changes, clears a folder from the place of the manifest, and runs the plan', async () => {
    await rm(manifestPath());
    await mkdir(manifestPath());
    await writeFile(join(manifestPath(), 'mine'), 'mine');
    const backup = startBackup(runtimeRoot);
    const onProgress = vi.fn();
    fake.run.mockImplementation(async () => {
      await expect(lstat(manifestPath())).rejects.toThrow('ENOENT');
    });
    await repair('rebuild-environment').apply({ ...context(), onProgress }, backup);
    expect(fake.run).toHaveBeenCalledWith(
      expect.objectContaining({ onEvent: onProgress, shouldForce: true }),
    );
    await backup.restore();
    expect(await readFile(join(manifestPath(), 'mine'), 'utf8')).toBe('mine');
  });
});

describe('rewrite-manifest', () => {
  it('proves the newest environment that is whole, then makes it the active one', async () => {
    await writeEnvironment('7f3c0001', '2026-01-01T00:00:00.000Z');
    await writeEnvironment('7f3c0002', '2026-01-03T00:00:00.000Z', {
      features: ['core', 'local-embeddings'],
    });
    await rm(manifestPath());
    const found = context();
    expect((await repair('rewrite-manifest').plan(found)).what).toBe(
      `Proves the environment ${folderOf('7f3c0002')}, then makes it the active one`,
    );
    expect((await repair('rewrite-manifest').plan(found)).paths).toEqual([
      manifestPath(),
      join(runtimeRoot, VERSION, '.venv'),
    ]);
    await repair('rewrite-manifest').apply(found, startBackup(runtimeRoot));
    expect(fake.prove.mock.lastCall![0]).toMatchObject({
      environmentDir: folderOf('7f3c0002'),
      pythonPath: join(folderOf('7f3c0002'), 'bin', 'python'),
      daemonPath: join(folderOf('7f3c0002'), 'bin', 'ktx-daemon'),
      cliVersion: VERSION,
      env: { A: '1' },
      onSpawn: expect.any(Function),
    });
    const manifest = JSON.parse(await readFile(manifestPath(), 'utf8'));
    expect(manifest).toMatchObject({ python: { executable: join(folderOf('7f3c0002'), 'bin', 'python') } });
    expect(manifest.previous).toBeUndefined();
    // The run has ended, and left nothing.
    expect(await readdir(sharedLayout(runtimeRoot).runsDir).catch(() => [])).toEqual([]);
  });

  it('leaves all as it was when the proof fails', async () => {
    await writeEnvironment('7f3c0001');
    await rm(manifestPath());
    fake.prove.mockRejectedValue(new Error('does not import'));
    await expect(repair('rewrite-manifest').apply(context(), startBackup(runtimeRoot))).rejects.toThrow(
      'does not import',
    );
    await expect(lstat(manifestPath())).rejects.toThrow('ENOENT');
  });

  it('without one that is whole says where it looked', async () => {
    await rm(manifestPath());
    await expect(repair('rewrite-manifest').apply(context(), startBackup(runtimeRoot))).rejects.toMatchObject(
      {
        message: 'No environment on this disk is intact.',
        failureClass: 'conflict',
        evidence: [`looked in ${join(runtimeRoot, VERSION, 'envs')}`],
        remedies: [{ argv: ['ktx', 'doctor', '--fix', 'rebuild-environment', '--yes'] }],
      },
    );
    expect(fake.prove).not.toHaveBeenCalled();
  });
});

describe('restore-previous', () => {
  it('undoes the last install with what the doctor was given', async () => {
    const { signal } = new AbortController();
    const found = context({ signal });
    expect(await repair('restore-previous').plan(found)).toMatchObject({
      paths: [manifestPath(), join(runtimeRoot, VERSION, '.venv')],
      worksOffline: true,
      hosts: [],
      downloadBytes: 0,
      canUndo: true,
    });
    await repair('restore-previous').apply(found, startBackup(runtimeRoot));
    expect(fake.undo).toHaveBeenCalledWith({
      cliVersion: VERSION,
      runtimeRoot,
      env: { A: '1' },
      homeDir: root,
      note: found.note,
      signal,
    });
  });
});

describe('what a runtime was', () => {
  it('its features: those of the manifest, else of the newest environment, else the wanted ones', async () => {
    await writeEnvironment('7f3c0001', '2026-01-01T00:00:00.000Z', { features: ['core'] });
    await writeEnvironment('7f3c0002', '2026-01-03T00:00:00.000Z', {
      features: ['core', 'local-embeddings'],
    });
    expect(await installedFeatures(context())).toEqual(['core']);
    await writeFile(manifestPath(), '{');
    expect(await installedFeatures(context())).toEqual(['core', 'local-embeddings']);
    await rm(join(runtimeRoot, VERSION), { recursive: true });
    expect(await installedFeatures(context())).toEqual(['core']);
    expect(await installedFeatures(context({ features: ['core', 'local-embeddings'] }))).toEqual([
      'core',
      'local-embeddings',
    ]);
  });

  it('its Pythons: those of the system that are still there, each once', async () => {
    const base = join(root, 'base');
    const linked = join(root, 'linked');
    for (const folder of [base, linked]) await mkdir(folder);
    for (const path of [join(base, 'python3.12'), join(linked, 'python3')]) await writeFile(path, '');
    const config = (id: string, text: string) => writeFile(join(folderOf(id), 'pyvenv.cfg'), text);
    await config('7f3c0000', `home=${base} \nversion_info = 3.12.1\n`);
    await rm(join(folderOf('7f3c0000'), 'bin', 'python'));
    await symlink(join(linked, 'python3'), join(folderOf('7f3c0000'), 'bin', 'python'));
    await writeEnvironment('7f3c0001');
    await config('7f3c0001', `home = ${base}\nversion = 3.12.9\n`);
    await writeEnvironment('7f3c0002');
    await config('7f3c0002', `home = ${join(root, 'gone')}\nversion = 3.13.1\n`);
    await writeEnvironment('7f3c0003');
    await config('7f3c0003', `home = ${base}\n`);
    const managed = join(sharedLayout(runtimeRoot).pythonDir, 'deadbeef', 'bin');
    await mkdir(managed, { recursive: true });
    await writeFile(join(managed, 'python3.13'), '');
    await writeEnvironment('7f3c0004');
    await config('7f3c0004', `home = ${managed}\nversion = 3.13.1\n`);
    expect(await formerPythons(context())).toEqual([
      { path: join(base, 'python3.12') },
      { path: join(linked, 'python3') },
    ]);
  });

  it('nothing is known of a runtime that is not there', async () => {
    await rm(runtimeRoot, { recursive: true });
    expect(await formerPythons(context())).toEqual([]);
  });
});

describe('every repair of the runtime', () => {
  /** A backup that records what it was asked to keep, and when. */
  function recordingBackup(told: string[]): Backup {
    const actual = startBackup(runtimeRoot);
    return { ...actual, keep: async (path) => void told.push(relative(runtimeRoot, path)) };
  }
  const later = (told: string[], what: string) => async () => {
    await new Promise(setImmediate);
    told.push(what);
  };
  const runtime = ['manifest.json', '.venv', 'envs'].map((name) => `${VERSION}/${name}`);

  test.each([
    ['rebuild-environment', [...runtime, 'installed']],
    ['rewrite-manifest', [...runtime, 'proved', 'switched']],
    ['restore-previous', [...runtime, 'undone']],
    ['remove-leftovers', ['uv/runs', `${VERSION}/manifest.json.12.00000001.tmp`, ...runtime, 'removed']],
  ])('%s keeps what it changes first, and is over when it says so', async (id, expected) => {
    const half = join(runtimeRoot, VERSION, 'manifest.json.12.00000001.tmp');
    if (id === 'rewrite-manifest') await writeEnvironment('7f3c0001');
    if (id === 'rewrite-manifest') await rm(manifestPath());
    if (id === 'remove-leftovers') await writeFile(half, '{');
    const told: string[] = [];
    fake.run.mockImplementation(later(told, 'installed'));
    fake.prove.mockImplementation(later(told, 'proved'));
    fake.undo.mockImplementation(later(told, 'undone'));
    await repair(id).apply(context(), recordingBackup(told));
    if (id === 'rewrite-manifest') await readFile(manifestPath()).then(() => told.push('switched'));
    if (id === 'remove-leftovers') await expect(lstat(half)).rejects.toThrow('ENOENT');
    if (id === 'remove-leftovers') told.push('removed');
    expect(told).toEqual(expected);
  });

  test.each([
    ['rewrite-manifest', ['manifest.json', '.venv'].map((name) => `${VERSION}/${name}`)],
    ['restore-previous', ['manifest.json', '.venv'].map((name) => `${VERSION}/${name}`)],
    ['remove-leftovers', ['uv/runs', `${VERSION}/envs`]],
  ])('%s names its paths, needs no network, and can be undone', async (id, paths) => {
    const step = await repair(id).plan(context());
    expect({ ...step, what: '' }).toEqual({
      what: '',
      paths: paths.map((name) => join(runtimeRoot, name)),
      downloadBytes: 0,
      hosts: [],
      worksOffline: true,
      canUndo: true,
    });
  });
});
