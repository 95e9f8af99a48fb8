import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { StatsFs } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Outcome } from '../../../src/doctor/checks/check.ts';
import { type CheckContext, checkSurroundings, type Facts } from '../../../src/doctor/checks/context.ts';
import { CHECKS } from '../../../src/doctor/checks/list.ts';
import { readProcessStart } from '../../../src/process/process-table.ts';
import { fileIdentity } from '../../../src/support/fs/file-identity.ts';
import { managedUvPath } from '../../../src/uv/acquire.ts';
import { markVerified } from '../../../src/uv/verified-mark.ts';
import { WHEEL_FILE, writeAsset, writeRuntime } from '../../fixtures/asset.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** No real volume is as full as the tests want it. */
const volume = vi.hoisted(() => ({ numbers: null as Partial<StatsFs> | null }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const statfs = async (path: string) => ({ ...(await real.statfs(path)), ...volume.numbers });
  return { ...real, statfs };
});

const VERSION = '0.3.0';
let root: string;
let surroundings: ReturnType<typeof checkSurroundings>;
beforeEach(async () => {
  root = join(await temporaryFolder(), 'runtime');
  surroundings = checkSurroundings(
    {
      cliVersion: VERSION,
      runtimeRoot: root,
      assetDir: await writeAsset(join(root, '..', 'asset')),
      env: {},
    },
    { isDeep: false, signal: new AbortController().signal },
  );
});
afterEach(() => {
  volume.numbers = null;
  vi.useRealTimers();
});

/** What one check finds here. */
function run(id: string, changes: Partial<CheckContext> = {}, facts: Partial<Facts> = {}): Promise<Outcome> {
  const context = { signal: new AbortController().signal, waitFor: () => {}, ...surroundings, ...changes };
  const check = CHECKS.find((each) => each.id === id)!;
  return check.run({ ...context, facts: { ...context.facts, ...facts } });
}

describe('disk', () => {
  const MB = 1_000_000;
  test.each([
    [19.9 * MB, 'fail'],
    [20 * MB, 'warn'],
    [399.9 * MB, 'warn'],
    [400 * MB, 'pass'],
  ] as const)('%d bytes free: %s', async (bytes, status) => {
    volume.numbers = { blocks: 1000, bavail: bytes / 100, bsize: 100 };
    const outcome = await run('space');
    expect(outcome).toMatchObject({
      status,
      detail: expect.stringContaining(`free on the volume of ${root}`),
    });
    expect(outcome.cause).toBe(status === 'fail' ? 'disk-full' : undefined);
    expect(outcome.repairs).toEqual(status === 'pass' ? undefined : ['free-space']);
    expect(outcome.detail.includes('a rebuild may need 400 MB')).toBe(status === 'warn');
  });

  test('a file system that does not say what is free', async () => {
    volume.numbers = { blocks: 0 };
    expect(await run('space')).toMatchObject({ status: 'could-not-check' });
  });

  test.each([
    [199, 'fail'],
    [200, 'warn'],
    [5999, 'warn'],
    [6000, 'pass'],
  ] as const)('%d file entries free: %s', async (ffree, status) => {
    volume.numbers = { files: 100_000, ffree };
    const outcome = await run('inodes');
    expect(outcome).toMatchObject({
      status,
      detail: expect.stringMatching(/^[\d,]+ file entries free on the volume of /),
    });
    expect(outcome.cause).toBe(status === 'fail' ? 'disk-full' : undefined);
    expect(outcome.repairs).toEqual(status === 'pass' ? undefined : ['free-space']);
  });

  test('a file system without a table of file entries has no limit', async () => {
    volume.numbers = { files: 0, ffree: 0 };
    expect(await run('inodes')).toMatchObject({ status: 'pass' });
  });

  test.each([
    ['as it should be', 0o1777, 50 * MB, 'pass', undefined],
    ['for this user alone', 0o700, 50 * MB, 'pass', undefined],
    ['nearly full', 0o700, 19 * MB, 'warn', /Free some space there/],
    ['without a sticky bit', 0o777, 50 * MB, 'warn', /^chmod \+t /],
  ] as const)('a temporary folder %s', async (_, mode, bytes, status, fix) => {
    const folder = await temporaryFolder();
    await chmod(folder, mode);
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    volume.numbers = { blocks: 1000, bavail: bytes / 100, bsize: 100 };
    const outcome = await run('temporary');
    expect(outcome).toMatchObject({ status, detail: expect.stringContaining(folder) });
    if (fix) expect(outcome.fix).toMatch(fix);
  });

  test('a temporary folder that is not there', async () => {
    const folder = join(await temporaryFolder(), 'none');
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await run('temporary')).toEqual({
      status: 'warn',
      detail: `${folder} does not exist`,
      fix: 'Set TMPDIR to a folder of yours',
    });
  });
});

describe('system', () => {
  const DAY_MS = 24 * 60 * 60 * 1000;
  const INSTALLED = Date.parse('2026-01-02T03:04:05.000Z');
  test.each([
    ['before ktx was made', Date.parse('2024-12-31'), 'fail', 'The clock says 2024-12-31T00:00:00.000Z'],
    [
      'more than a day before the installation',
      INSTALLED - DAY_MS - 1,
      'fail',
      'before the runtime was installed',
    ],
    ['a day before the installation', INSTALLED - DAY_MS, 'pass', '2026-01-01'],
    ['after it', INSTALLED + DAY_MS, 'pass', '2026-01-03'],
  ] as const)('a clock %s', async (_, now, status, detail) => {
    await writeRuntime(root, VERSION);
    vi.useFakeTimers({ toFake: ['Date'], now });
    const outcome = await run('clock');
    expect(outcome).toMatchObject({ status, detail: expect.stringContaining(detail) });
    if (status === 'fail') expect(outcome.fix).toBe("Set this machine's clock");
  });

  test.each([null, new Error('unreadable')])('a clock beside no manifest (%s)', async (found) => {
    const manifest = async () => {
      if (found !== null) throw found;
      return null;
    };
    expect(await run('clock', {}, { manifest })).toMatchObject({ status: 'pass' });
  });

  test.each([
    [{}, 'pass', 'not set'],
    [{ LANG: 'C.UTF-8' }, 'pass', 'C.UTF-8'],
    [{ LANG: 'de_DE.utf8' }, 'pass', 'de_DE.utf8'],
    [{ LANG: 'C' }, 'pass', 'C'],
    [{ LANG: 'POSIX' }, 'pass', 'POSIX'],
    [{ LANG: 'de_DE.ISO-8859-1' }, 'warn', 'de_DE.ISO-8859-1 is not UTF-8'],
    [{ LANG: 'C.UTF-8', LC_CTYPE: 'ja_JP.eucJP' }, 'warn', 'ja_JP.eucJP is not UTF-8'],
    [{ LC_CTYPE: 'ja_JP.eucJP', LC_ALL: 'C.UTF-8' }, 'pass', 'C.UTF-8'],
  ] as const)('locale %o', async (env, status, detail) => {
    const fix = status === 'warn' ? { fix: 'export LC_ALL=C.UTF-8' } : {};
    expect(await run('locale', { env })).toEqual({ status, detail, ...fix });
  });

  test('the platform is named; without a lock nothing is known of it', async () => {
    const host = async () => ({ platform: 'linux', arch: 'x64', libc: 'gnu', glibcVersion: '2.36' }) as never;
    const outcome = await run('platform', {}, { host, lockedAsset: async () => null });
    expect(outcome).toMatchObject({ status: 'pass', detail: expect.stringMatching(/linux.*, glibc 2\.36$/) });
  });

  test.runIf(process.platform === 'linux').each([
    ['0.2.0', 'warn'],
    [VERSION, 'pass'],
    [undefined, 'pass'],
  ])('a daemon of version %s', async (version, status) => {
    const bin = join(root, 'envs', 'bin');
    await mkdir(bin, { recursive: true });
    // By its command line a daemon of this root: the interpreter, the script, and what it is told.
    await writeFile(join(bin, 'ktx-daemon'), 'setTimeout(() => {}, 60_000); console.log("up");\n');
    await symlink(process.execPath, join(bin, 'python3'));
    const daemon = spawn(join(bin, 'python3'), [join(bin, 'ktx-daemon'), 'serve-http', '--port', '8765'], {
      env: version === undefined ? {} : { KTX_DAEMON_VERSION: version },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void daemon.kill('SIGKILL'));
    await once(daemon.stdout, 'data');
    const outcome = await run('old-daemons');
    expect(outcome.status).toBe(status);
    if (status === 'warn') {
      expect(outcome.detail).toBe(`Daemons of other versions run: ${daemon.pid}`);
      expect(outcome.fix).toBe('ktx admin runtime stop --all');
    }
    // Those of another root are somebody else's.
    const elsewhere = { ...surroundings.layout, runtimeRoot: `${root}-other` };
    expect(await run('old-daemons', { layout: elsewhere })).toMatchObject({ status: 'pass' });
  });
});

describe('locks and leftovers', () => {
  const holder = (changes: object = {}) =>
    JSON.stringify({
      pid: process.ppid,
      start: readProcessStart(process.ppid),
      host: hostname(),
      since: '2026-01-02T03:04:05.000Z',
      step: 'venv',
      ...changes,
    });
  const hold = async (text: string) => {
    const path = join(surroundings.shared.locksDir, '0.3.0.lock.holder.json');
    await mkdir(surroundings.shared.locksDir, { recursive: true });
    await writeFile(path, text);
    return path;
  };

  test('no lock is held where there is none', async () => {
    expect(await run('lock')).toEqual({ status: 'pass', detail: 'no lock is held' });
  });

  test('another ktx at work is waited for, and not repaired away', async () => {
    await hold(holder());
    const outcome = await run('lock');
    expect(outcome).toMatchObject({ status: 'warn', fix: 'Wait until it has ended' });
    expect(outcome.detail).toBe(
      `Process ${process.ppid} has been changing the runtime since 2026-01-02T03:04:05.000Z, step venv`,
    );
    expect(outcome.repairs).toBeUndefined();
  });

  test('one on another host counts as alive, and is named', async () => {
    await hold(holder({ host: 'far.internal', pid: process.pid, start: '1' }));
    expect((await run('lock')).detail).toContain(`Process ${process.pid} on far.internal has`);
  });

  test('a process that has ended is repaired away, and this one is not another', async () => {
    const path = await hold(holder({ start: '1' }));
    expect(await run('lock')).toEqual({
      status: 'warn',
      detail: `${path} names process ${process.ppid}, which has ended`,
      repairs: ['release-lock'],
    });
    await hold(holder({ pid: process.pid, start: readProcessStart(process.pid) }));
    expect(await run('lock')).toMatchObject({ status: 'pass' });
  });

  test('what is in the place of a lock and cannot be locked', async () => {
    const path = join(surroundings.shared.locksDir, 'root.lock');
    await mkdir(path, { recursive: true });
    expect(await run('lock')).toEqual({
      status: 'fail',
      detail: `${path} is not a file and cannot be locked`,
      repairs: ['release-lock'],
    });
  });

  test.each([
    ['a partial download', 'uv/store/abc.partial', true],
    ['a removed environment', '0.3.0/envs/7f3c0000.00000001.removed', true],
    ['an environment that no record names', '0.3.0/envs/7f3c0001', true],
    ['a link that was to become .venv', '0.3.0/.venv.00000001', true],
    ['half a manifest', '0.3.0/manifest.json.12.00000001.tmp', true],
    ["a stranger's folder", '0.3.0/envs/notes', false],
    ['an artefact', 'uv/store/abc', false],
  ])('left: %s', async (_, name, isLeft) => {
    await mkdir(join(root, name), { recursive: true });
    const outcome = await run('leftovers');
    expect(outcome).toEqual(
      isLeft
        ? {
            status: 'warn',
            detail: `1 entry of interrupted runs, such as ${join(root, name)}`,
            repairs: ['remove-leftovers'],
          }
        : { status: 'pass', detail: 'none' },
    );
  });

  test.each([
    ['that has ended', { start: '1' }, true],
    ['under way', {}, false],
    ['on another host', { start: '1', host: 'far.internal' }, false],
  ])('a run %s, beside its unfinished environment', async (_, changes, isLeft) => {
    const runDir = join(surroundings.shared.runsDir, '00000000-0000-4000-8000-000000000000');
    await mkdir(runDir, { recursive: true });
    await mkdir(join(root, VERSION, 'envs', '7f3c0001'), { recursive: true });
    const owner = { schemaVersion: 1, cliVersion: VERSION, at: '2026-01-02T03:04:05.000Z' };
    await writeFile(
      join(runDir, 'journal.jsonl'),
      `${JSON.stringify({ ...JSON.parse(holder(changes)), ...owner })}\n`,
    );
    const outcome = await run('leftovers');
    if (isLeft) expect(outcome.detail).toBe(`2 entries of interrupted runs, such as ${runDir}`);
    else expect(outcome).toEqual({ status: 'pass', detail: 'none' });
  });
});

describe('folders', () => {
  test('a root that is not there yet', async () => {
    expect(await run('folders')).toEqual({ status: 'pass', detail: `${root} does not exist yet` });
  });

  test('a root as it should be', async () => {
    await mkdir(root, { mode: 0o755 });
    expect(await run('folders')).toEqual({ status: 'pass', detail: root });
  });

  test('a file and a link that leads nowhere are obstacles', async () => {
    await mkdir(root);
    await symlink(join(root, 'none'), join(root, VERSION));
    expect(await run('folders')).toMatchObject({
      status: 'fail',
      cause: 'file-in-the-way',
      detail: `${join(root, VERSION)} is a link that leads nowhere (ENOENT)`,
      repairs: ['clear-obstacle'],
    });
    await writeFile(join(root, 'uv'), '');
    expect(await run('folders')).toMatchObject({ detail: `${join(root, 'uv')} is not a folder` });
  });

  test('a folder that everybody may write, and one that only root may', async () => {
    await mkdir(join(root, 'uv'), { recursive: true });
    await chmod(join(root, 'uv'), 0o777);
    expect(await run('folders')).toMatchObject({
      status: 'fail',
      detail: expect.stringContaining(join(root, 'uv')),
      repairs: ['mend-permissions'],
    });
  });

  test('an open folder above is said, and not refused', async () => {
    const above = join(root, '..', 'open');
    await mkdir(join(above, 'runtime'), { recursive: true });
    await chmod(above, 0o777);
    const target = { cliVersion: VERSION, runtimeRoot: join(above, 'runtime'), env: {} };
    const open = checkSurroundings(target, { isDeep: false, signal: new AbortController().signal });
    expect(await run('folders', open)).toEqual({
      status: 'pass',
      detail: `every user of this machine can write to ${above}`,
    });
  });

  test.runIf(process.geteuid?.() !== 0)('a folder that this user may not write', async () => {
    await mkdir(root, { mode: 0o555 });
    expect(await run('folders')).toMatchObject({
      status: 'warn',
      cause: 'no-permission',
      repairs: ['mend-permissions'],
    });
  });
});

describe('tools', () => {
  test('a wheel that is as it was built, and one that is not', async () => {
    const { assetDir } = surroundings.layout;
    expect(await run('asset')).toEqual({ status: 'pass', detail: join(assetDir, WHEEL_FILE) });
    await writeFile(join(assetDir, WHEEL_FILE), 'other');
    expect(await run('asset')).toMatchObject({ status: 'fail', fix: 'Reinstall the ktx package' });
  });

  test.each([
    ['none', async () => {}, /is not installed/],
    ['a folder', (path: string) => mkdir(path, { recursive: true }), /is not a file$/],
    [
      'another program',
      async (path: string) => {
        await mkdir(join(path, '..'), { recursive: true });
        await writeFile(path, '#!/bin/sh\n', { mode: 0o755 });
      },
      /is not the uv \S+ that ktx knows$/,
    ],
  ])('in the place of uv: %s', async (_, place, detail) => {
    const { outcome } = { outcome: await run('uv') };
    const path = outcome.detail.split(': ')[1]!;
    await place(path);
    expect(await run('uv')).toMatchObject({
      status: 'fail',
      detail: expect.stringMatching(detail),
      repairs: ['replace-uv'],
    });
  });

  test('a uv that was verified and does not run, and one that runs', async () => {
    const path = managedUvPath({ env: {}, runtimeRoot: root });
    await mkdir(join(path, '..'), { recursive: true });
    const place = async (script: string) => {
      await writeFile(path, script, { mode: 0o755 });
      await markVerified(path, await fileIdentity(path), 'a'.repeat(64));
    };
    await place('#!/bin/sh\nexit 3\n');
    expect(await run('uv')).toMatchObject({
      status: 'fail',
      detail: expect.stringMatching(/^uv does not run: /),
      repairs: ['replace-uv'],
    });
    await place('#!/bin/sh\necho "uv 0.11.21"\n');
    expect(await run('uv')).toEqual({ status: 'pass', detail: `uv 0.11.21 (${path})` });
    // A deep look hashes it all the same.
    expect(await run('uv', { isDeep: true })).toMatchObject({ status: 'fail', repairs: ['replace-uv'] });
  });
});
