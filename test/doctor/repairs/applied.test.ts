import { chmod, link, lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { managedPythonDaemonLayout } from '../../../src/daemon/layout.ts';
import type { RepairId } from '../../../src/doctor/checks/check.ts';
import type { DoctorTarget } from '../../../src/doctor/checks/context.ts';
import type { DoctorEvent, DoctorResult } from '../../../src/doctor/events.ts';
import { composeRepairs, offeredRepairs } from '../../../src/doctor/offered-repairs.ts';
import { fixRuntime, planRepairs, repairId, undoRepairs } from '../../../src/doctor/repair-run.ts';
import { writeRuntime } from '../../fixtures/asset.ts';
import { writeState } from '../../fixtures/daemon.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const VERSION = '0.3.0';
let runtimeRoot: string;
let target: DoctorTarget;
beforeEach(async () => {
  const root = await temporaryFolder();
  runtimeRoot = join(root, 'runtime');
  target = {
    cliVersion: VERSION,
    runtimeRoot,
    projectDir: join(root, 'project'),
    env: { PATH: '/usr/bin:/bin' },
  };
  await writeRuntime(runtimeRoot, VERSION);
});

const inRoot = (...names: string[]) => join(runtimeRoot, ...names);
const isThere = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

async function place(name: string, text = '', mode = 0o644): Promise<string> {
  const path = inRoot(name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text, { mode });
  return path;
}

/** Applies one repair, and returns what was said on the way. */
async function repair(id: RepairId): Promise<DoctorEvent[]> {
  const events: DoctorEvent[] = [];
  const { repairs } = await fixRuntime(target, { repairs: [id], onEvent: (event) => events.push(event) });
  expect(repairs).toEqual([id]);
  return events;
}

const planOf = async (id: RepairId) => (await planRepairs(target, [id])).steps[0]!;
const modeOf = async (path: string) => ((await lstat(path)).mode & 0o7777).toString(8);

describe.skipIf(process.platform === 'win32')('mend-permissions', () => {
  it.each([
    ['a folder that its owner may not enter', 0o600, true, '700'],
    ['a folder that everybody may write', 0o777, true, '775'],
    ['a folder with a group of its own', 0o2777, true, '2775'],
    ['a file that its owner may not write', 0o444, false, '644'],
    ['a file that its owner may not read', 0o244, false, '644'],
    ['a file that everybody may write', 0o666, false, '664'],
    ['a program that everybody may write', 0o757, false, '755'],
  ])('%s', async (_, mode, isFolder, mended) => {
    const path = isFolder ? inRoot('uv', 'thing') : await place('uv/thing');
    if (isFolder) await mkdir(path, { recursive: true });
    await chmod(path, mode);
    expect((await planOf('mend-permissions')).paths).toEqual([path]);
    await repair('mend-permissions');
    expect(await modeOf(path)).toBe(mended);
    expect((await planOf('mend-permissions')).paths).toEqual([]);
    await undoRepairs(target);
    expect(await modeOf(path)).toBe(mode.toString(8));
  });

  it('leaves alone what is right, and never follows a link', async () => {
    const outside = join(runtimeRoot, '..', 'outside');
    await writeFile(outside, '');
    await chmod(outside, 0o666);
    await mkdir(inRoot('uv'), { recursive: true });
    await symlink(outside, inRoot('uv', 'link'));
    await place('uv/right', '', 0o600);
    expect((await planOf('mend-permissions')).paths).toEqual([]);
    await repair('mend-permissions');
    expect([await modeOf(outside), await modeOf(inRoot('uv', 'right'))]).toEqual(['666', '600']);
  });
});

describe('clear-obstacle', () => {
  it('moves away what is in the place of folders, one below the other, and undo brings it back', async () => {
    await place('uv', 'mine');
    expect(await planOf('clear-obstacle')).toMatchObject({
      paths: [inRoot('uv')],
      worksOffline: true,
      hosts: [],
    });
    await repair('clear-obstacle');
    expect((await lstat(inRoot('uv'))).isDirectory()).toBe(true);
    expect((await planOf('clear-obstacle')).paths).toEqual([]);
    const [aside] = (await readdir(runtimeRoot)).filter((name) => name.endsWith('.replaced'));
    expect(aside).toMatch(/^uv\.[0-9a-f]{8}\.replaced$/);
  });
});

describe('release-lock', () => {
  it('removes the record of a process that has ended, and what cannot be locked', async () => {
    const dead = {
      pid: process.ppid,
      start: '1',
      host: hostname(),
      since: '2026-01-02T03:04:05.000Z',
      step: 'venv',
    };
    const holder = await place('uv/locks/0.3.0.lock.holder.json', JSON.stringify(dead));
    const notes = await place('uv/locks/notes', 'mine');
    await mkdir(inRoot('uv', 'locks', 'other.lock'));
    expect((await planOf('release-lock')).paths).toEqual([inRoot('uv', 'locks')]);
    await repair('release-lock');
    expect([await isThere(holder), await isThere(inRoot('uv', 'locks', 'other.lock'))]).toEqual([
      false,
      false,
    ]);
    expect(await readFile(notes, 'utf8')).toBe('mine');
    await undoRepairs(target);
    expect(await isThere(inRoot('uv', 'locks', 'other.lock'))).toBe(true);
  });

  it('can be undone when the record was all that it removed', async () => {
    const dead = { pid: process.ppid, start: '1', host: hostname(), since: '2026-01-02T03:04:05.000Z' };
    await place('uv/locks/0.3.0.lock.holder.json', JSON.stringify({ ...dead, step: 'venv' }));
    await repair('release-lock');
    expect(await undoRepairs(target)).toEqual({ repairs: ['release-lock'] });
  });

  it('does nothing where no lock was ever taken', async () => {
    const path = inRoot('uv', 'locks');
    expect(await isThere(path)).toBe(false);
    await repair('release-lock');
  });
});

describe('remove-leftovers', () => {
  it('removes what runs left, and undo brings it back', async () => {
    const half = await place(`${VERSION}/manifest.json.12.00000001.tmp`, '{');
    const kept = await place(`${VERSION}/notes`, 'mine');
    await place(`${VERSION}/envs/7f3c0001/pyvenv.cfg`);
    await repair('remove-leftovers');
    expect([await isThere(half), await isThere(inRoot(VERSION, 'envs', '7f3c0001'))]).toEqual([false, false]);
    expect(await readFile(kept, 'utf8')).toBe('mine');
    expect(await undoRepairs(target)).toEqual({ repairs: ['remove-leftovers'] });
    expect(await readFile(half, 'utf8')).toBe('{');
  });
});

describe('free-space', () => {
  const DIGEST = 'a'.repeat(64);
  it('counts only what really frees space, and deletes downloads and nothing else', async () => {
    const stored = await place(`uv/store/${DIGEST}/wheel.whl`, 'x'.repeat(3000));
    const shared = await place(`uv/store/${DIGEST}/shared.whl`, 'x'.repeat(50_000));
    await link(shared, inRoot(VERSION, 'shared.whl'));
    await place(`uv/store/${DIGEST}.partial`, 'x'.repeat(1000));
    const foreign = await place('uv/store/notes', 'mine');
    const step = await planOf('free-space');
    expect(step).toMatchObject({
      canUndo: false,
      paths: expect.arrayContaining([inRoot('uv', 'store', DIGEST)]),
    });
    expect(step.what).toContain('4.0 kB');
    expect(step.paths).not.toContain(foreign);
    await repair('free-space');
    expect([await isThere(stored), await isThere(foreign)]).toEqual([false, true]);
    expect(await readdir(inRoot('uv', 'store'))).toEqual(['notes']);
  });
});

describe('stop-daemon', () => {
  it('removes a state that nobody can read, and leaves one of a newer ktx', async () => {
    const { daemonStatePath } = managedPythonDaemonLayout({ ...target, projectDir: target.projectDir! });
    await mkdir(join(daemonStatePath, '..'), { recursive: true });
    await writeFile(daemonStatePath, '{');
    expect((await planOf('stop-daemon')).paths).toEqual([daemonStatePath]);
    await repair('stop-daemon');
    expect(await isThere(daemonStatePath)).toBe(false);
  });

  it('has nothing to do without a project', async () => {
    const { projectDir: _, ...without } = target;
    expect((await planRepairs(without, ['stop-daemon'])).steps[0]?.paths).toEqual([]);
    expect((await fixRuntime(without, { repairs: ['stop-daemon'] })).repairs).toEqual(['stop-daemon']);
  });

  it('removes the state of a process that is no daemon, and undo brings it back', async () => {
    const project = { ...target, projectDir: target.projectDir! };
    const layout = managedPythonDaemonLayout(project);
    await writeState(layout, { pid: process.ppid });
    const before = await readFile(layout.daemonStatePath, 'utf8');
    await repair('stop-daemon');
    expect(await isThere(layout.daemonStatePath)).toBe(false);
    await undoRepairs(target);
    expect(await readFile(layout.daemonStatePath, 'utf8')).toBe(before);
  });
});

describe('a run of repairs', () => {
  it('without any wanted repair only looks', async () => {
    const events: DoctorEvent[] = [];
    const result = await fixRuntime(target, { repairs: [], onEvent: (event) => events.push(event) });
    expect(result.repairs).toEqual([]);
    expect(result.after).toBe(result.before);
    expect(events.some(({ type }) => type === 'repair-plan')).toBe(false);
  });

  it('tells plan, start and end of each, in the order in which repairs must go', async () => {
    await place('uv/open', '', 0o644);
    await place(`${VERSION}/manifest.json.12.00000001.tmp`, '{');
    const told: string[] = [];
    await fixRuntime(target, {
      repairs: ['remove-leftovers', 'mend-permissions'],
      onEvent: (event) => {
        if (event.type === 'repair-started' || event.type === 'repair-finished')
          told.push(`${event.type} ${event.id}`);
      },
    });
    expect(told).toEqual([
      'repair-started mend-permissions',
      'repair-finished mend-permissions',
      'repair-started remove-leftovers',
      'repair-finished remove-leftovers',
    ]);
  });

  it('names the checks that asked for it', async () => {
    const results = [
      { id: 'folders', repairs: ['mend-permissions'] },
      { id: 'uv', repairs: ['replace-uv'] },
      { id: 'node' },
    ] as DoctorResult[];
    expect((await planRepairs(target, ['mend-permissions'], { results })).reasons).toEqual(['folders']);
  });

  it('says of one that cannot be planned yet what stands before it; alone it fails', async () => {
    const broken = { ...target, assetDir: join(runtimeRoot, 'none') };
    await expect(planRepairs(broken, ['rebuild-environment'], { isOffline: true })).rejects.toThrow();
    const { steps } = await planRepairs(broken, ['mend-permissions', 'rebuild-environment'], {
      isOffline: true,
    });
    expect(steps[1]).toMatchObject({
      id: 'rebuild-environment',
      what: expect.stringMatching(/^Cannot be planned before the repairs above: /),
      downloadBytes: null,
      worksOffline: false,
      paths: [],
      hosts: [],
      canUndo: true,
    });
  });

  it('refuses the name of a repair that there is not, and lists those that there are', () => {
    expect(repairId('free-space')).toBe('free-space');
    expect(() => repairId('reboot')).toThrow('There is no repair "reboot".');
  });
});

describe('which repairs are offered', () => {
  const result = (status: string, ...repairs: RepairId[]) => ({ status, repairs }) as unknown as DoctorResult;
  it.each([
    ['nothing where all passes', [result('pass')], []],
    [
      'the first of each finding',
      [result('fail', 'restore-previous', 'rebuild-environment')],
      ['restore-previous'],
    ],
    ['a warning as well', [result('warn', 'release-lock')], ['release-lock']],
    ['no deletion of downloads for a warning', [result('warn', 'free-space')], []],
    ['a deletion of downloads for a full disk', [result('fail', 'free-space')], ['free-space']],
    ['no repair where none helps', [result('fail')], []],
    [
      'each once, in the order of a run',
      [result('fail', 'replace-uv'), result('fail', 'mend-permissions'), result('warn', 'replace-uv')],
      ['mend-permissions', 'replace-uv'],
    ],
  ] as const)('%s', (_, results, expected) => {
    expect(offeredRepairs(results)).toEqual(expected);
  });

  it.each([
    [['rebuild-environment', 'rewrite-manifest', 'restore-previous'], ['rebuild-environment']],
    [['rewrite-manifest', 'restore-previous'], ['restore-previous']],
    [
      ['rewrite-manifest', 'replace-uv'],
      ['rewrite-manifest', 'replace-uv'],
    ],
  ] as const)('%j as one run', (ids, expected) => {
    expect(composeRepairs(ids)).toEqual(expected);
  });
});
