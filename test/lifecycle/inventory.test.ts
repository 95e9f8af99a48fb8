import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import fs, { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { takeInventory } from '../../src/lifecycle/inventory.ts';
import { uninstallManagedPythonRuntimes } from '../../src/lifecycle/uninstall.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import {
  disownPython,
  findUnpackedPython,
  recordPython,
  removeUnneededPythons,
} from '../../src/python/unpacked-python.ts';
import { openJournal } from '../../src/runtime/journal.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { tryFileLock } from '../../src/support/fs/file-lock.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import { writeRuntime } from '../fixtures/asset.ts';

/** A file that even root cannot delete: the only way to make a removal fail in every environment. */
function canProtectFiles(): boolean {
  const path = join(tmpdir(), `ktx-protected-${process.pid}`);
  try {
    writeFileSync(path, '');
    execFileSync('chattr', ['+i', path], { stdio: 'ignore' });
    execFileSync('chattr', ['-i', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { force: true });
  }
}

describe('the inventory of a runtime root', () => {
  let runtimeRoot: string;

  beforeEach(async () => {
    runtimeRoot = await mkdtemp(join(tmpdir(), 'ktx-inventory-'));
  });

  afterEach(async () => {
    await rm(runtimeRoot, { recursive: true, force: true });
  });

  const put = async (name: string, text = 'precious') => {
    const path = join(runtimeRoot, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  };
  const uuid = '01234567-89ab-cdef-0123-456789abcdef';
  const LIST = JSON.stringify({ schemaVersion: 1, archiveSha256: 'a', key: 'k', files: {} });

  const foreign: [string, string, string, RegExp][] = [
    ['a manifest of something else', '0.3.0/manifest.json', '0.3.0/manifest.json', /not a manifest of ktx/],
    ['a folder for a manifest', '0.3.0/manifest.json/x', '0.3.0/manifest.json', /folder/],
    ['a folder for a log', '0.3.0/install.log/x', '0.3.0/install.log', /folder/],
    ['an environment that is none', '0.3.0/envs/deadbeef/x', '0.3.0/envs/deadbeef', /no pyvenv\.cfg/],
    [
      'one with programs, but not made by us',
      '0.3.0/envs/deadbeef/bin/python',
      '0.3.0/envs/deadbeef',
      /pyvenv/,
    ],
    ['a .venv that is none', '0.3.0/.venv/x', '0.3.0/.venv', /no pyvenv\.cfg/],
    ['a copy of a .venv', '0.3.0/.venv.20240101/x', '0.3.0/.venv.20240101', /folder/],
    ['somebody else’s draft', '0.3.0/x.json.1.deadbeef.tmp', '0.3.0/x.json.1.deadbeef.tmp', /not known/],
    ['a Python without a list', 'uv/python/deadbeef/x', 'uv/python/deadbeef', /no list/],
    ['a list that is none', 'uv/python/deadbeef/digests.json', 'uv/python/deadbeef', /no list/],
    ['another lock', 'uv/locks/mine.lock', 'uv/locks/mine.lock', /not known/],
    ['a folder for a lock', 'uv/locks/0.9.0.lock/x', 'uv/locks/0.9.0.lock', /folder/],
    ['notes of no run', `uv/runs/${'-'.repeat(36)}/x`, `uv/runs/${'-'.repeat(36)}`, /not known/],
    ['a file for a run', `uv/runs/${uuid}`, `uv/runs/${uuid}`, /file/],
    ['another log', 'uv/logs/mine.log', 'uv/logs/mine.log', /not known/],
    ['a folder for uv', 'uv/0.11.21/uv/x', 'uv/0.11.21/uv', /folder/],
    ['a folder for settings', 'uv/network.json/x', 'uv/network.json', /folder/],
    ['a file for a download', `uv/store/${'a'.repeat(64)}`, `uv/store/${'a'.repeat(64)}`, /file/],
  ];
  it.each(foreign)('%s stays, with the reason', async (_name, file, left, reason) => {
    await writeRuntime(runtimeRoot, '0.4.0');
    await put(file);
    const result = await uninstallManagedPythonRuntimes({ runtimeRoot });
    expect(result.left.map(({ path }) => path)).toEqual([join(runtimeRoot, left)]);
    expect(result.left[0]!.reason).toMatch(reason);
    expect(await pathExists(join(runtimeRoot, file))).toBe(true);
  });

  const owned: [string, string, string, string?][] = [
    ['an environment by its pyvenv.cfg', '0.3.0/envs/deadbeef/pyvenv.cfg', 'home = /usr/bin'],
    ['a .venv by its pyvenv.cfg', '0.3.0/.venv/pyvenv.cfg', 'home = /usr/bin'],
    ['what an interrupted removal left', '0.3.0/envs/deadbeef.12345678.removed/x', ''],
    ['what an interrupted removal of a .venv left', '0.3.0/.venv.12345678.removed/x', ''],
    ['a draft of a manifest', '0.3.0/manifest.json.1.deadbeef.tmp', ''],
    ['a Python with its list', 'uv/python/deadbeef/digests.json', LIST],
    ['a Python that was found altered', 'uv/python/deadbeef/digests.json.altered', LIST],
    ['what is left of a Python', 'uv/python/deadbeef.12345678.removed/x', ''],
    ['locks', 'uv/locks/0.3.0-rc.1.lock.holder.json.4.tmp', ''],
    ['notes of a run', `uv/runs/${uuid}/journal.jsonl`, ''],
    ['a log of a run', `uv/logs/${uuid}.log`, ''],
  ];
  it.each(owned)('%s goes', async (_name, file, text) => {
    await put(file, text);
    expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
    expect((await uninstallManagedPythonRuntimes({ runtimeRoot })).left).toEqual([]);
    expect(await pathExists(runtimeRoot)).toBe(false);
  });

  const NAMES = [
    ...[
      '0.3.0/manifest.json.1.deadbeef.tmp',
      '0.3.0/history.jsonl',
      '0.3.0/history.jsonl.1.deadbeef.tmp',
      '0.3.0/install.log',
    ],
    ...['uv/0.11.21/uv', 'uv/0.11.21/uv.exe', 'uv/0.11.21/uv.12.download', 'uv/0.11.21/uv.verified'],
    ...[
      `uv/store/${'a'.repeat(64)}.partial`,
      `uv/store/${'a'.repeat(64)}.partial.json`,
      `uv/store/${'a'.repeat(64)}.partial.json.1.deadbeef.tmp`,
    ],
    ...[
      'uv/locks/root.lock',
      'uv/locks/0.3.0.lock',
      'uv/locks/0.3.0.lock.holder.json',
      'uv/locks/root.lock.holder.json.4.tmp',
      'uv/locks/.fuse_hidden0f',
    ],
    ...[`uv/logs/${uuid}.log`, `uv/daemons/${'a'.repeat(64)}`, `uv/daemons/${'a'.repeat(64)}.1.deadbeef.tmp`],
    ...[
      'uv/known-files',
      'uv/index-pages.json',
      'uv/index-pages.json.1.deadbeef.tmp',
      'uv/choices.json',
      'uv/choices.json.1.deadbeef.tmp',
    ],
    ...['uv/network.json', 'uv/network.json.1.deadbeef.tmp'],
  ];
  const FOLDERS = [
    ...[
      '0.3.0/deadbeef.12345678.removed',
      '0.3.0/.venv.12345678.removed',
      '0.3.0/envs/deadbeef.12345678.removed',
    ],
    ...[
      'uv/0.11.21',
      'uv/store',
      'uv/python',
      'uv/models',
      'uv/locks',
      'uv/runs',
      'uv/logs',
      'uv/backups',
      'uv/daemons',
    ],
    ...[`uv/store/${'a'.repeat(64)}`, 'uv/python/deadbeef.12345678.removed', `uv/models/m@${'a'.repeat(40)}`],
    ...[`uv/models/.staged-m@${'a'.repeat(40)}-deadbeef`, `uv/runs/${uuid}`, 'uv/backups/deadbeef'],
  ];
  const inFront = (path: string) => path.replace(/[^/]+$/, (name) => `!${name}`);

  it('knows files by their whole name', async () => {
    for (const path of NAMES) await put(path);
    expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
    const others = NAMES.flatMap((path) => [inFront(path), `${path}x`]);
    for (const path of others) await put(path);
    const { foreign: found } = await takeInventory(runtimeRoot);
    expect(found.map(({ path }) => relative(runtimeRoot, path)).sort()).toEqual(others.sort());
  });

  it('knows folders by their whole name', async () => {
    for (const path of FOLDERS) await mkdir(join(runtimeRoot, path), { recursive: true });
    expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
    const others = FOLDERS.flatMap((path) => [inFront(path), `${path}!`]);
    for (const path of others) await mkdir(join(runtimeRoot, path), { recursive: true });
    const { foreign: found } = await takeInventory(runtimeRoot);
    expect(found.map(({ path }) => relative(runtimeRoot, path)).sort()).toEqual(others.sort());
  });

  it('knows a link to an environment that is being made by its whole name', async () => {
    await mkdir(join(runtimeRoot, '0.3.0'), { recursive: true });
    const links = ['.venv.deadbeef', 'x.venv.deadbeef', '.venv.deadbeefx', '.venv.deadbee'];
    for (const name of links) await symlink('envs/deadbeef', join(runtimeRoot, '0.3.0', name));
    const { foreign: found } = await takeInventory(runtimeRoot);
    expect(found.map(({ path }) => relative(join(runtimeRoot, '0.3.0'), path)).sort()).toEqual(
      links.slice(1).sort(),
    );
  });

  it('what a journal says is being made is known, however little there is of it', async () => {
    const { runsDir } = sharedLayout(runtimeRoot);
    const journal = openJournal({ runsDir, cliVersion: '0.3.0' });
    journal.write({ making: 'environment', name: 'deadbeef' });
    journal.write({ making: 'python', name: 'cafebabe' });
    await put('0.3.0/envs/deadbeef/bin/activate');
    await put('uv/python/cafebabe/cpython/half');
    expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
    journal.close();
    expect((await takeInventory(runtimeRoot)).foreign).toHaveLength(2);
  });

  it('a Python that was disowned is used for no new environment, and still known', async () => {
    const { pythonDir } = sharedLayout(runtimeRoot);
    const dir = join(pythonDir, 'deadbeef');
    const made = { key: 'k', archiveSha256: 'a'.repeat(64) };
    await put('uv/python/deadbeef/k/bin/python3');
    await recordPython(dir, made);
    expect(await findUnpackedPython(pythonDir, made)).toBe(dir);
    await disownPython(dir);
    await disownPython(dir);
    expect(await findUnpackedPython(pythonDir, made)).toBeNull();
    expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
    await put('uv/python/cafebabe.12345678.removed/x');
    await removeUnneededPythons(runtimeRoot);
    expect(await readdir(pythonDir)).toEqual([]);
  });

  it('a Python that an environment was made from is known without its list', async () => {
    const home = join(runtimeRoot, 'uv', 'python', 'deadbeef', 'cpython', 'bin');
    await put('uv/python/deadbeef/cpython/bin/python3');
    await put('0.3.0/envs/cafebabe/pyvenv.cfg', `home = ${home}\n`);
    expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
  });

  it('an environment that an injected installer made is known by its own record', async () => {
    const manifest = await writeRuntime(runtimeRoot, '0.3.0');
    await put('0.3.0/envs/deadbeef/environment.json', JSON.stringify({ ...manifest, previous: null }));
    await rm(join(runtimeRoot, '0.3.0', 'envs', '7f3c0000'), { recursive: true });
    expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
  });

  it('a link .venv goes when it leads to an environment, and stays when it leads elsewhere', async () => {
    for (const version of ['0.1.0', '0.2.0', '0.3.0']) await writeRuntime(runtimeRoot, version);
    await symlink(join('envs', 'gone'), join(runtimeRoot, '0.1.0', '.venv'));
    await symlink(join(runtimeRoot, '0.2.0', 'envs', '7f3c0000'), join(runtimeRoot, '0.2.0', '.venv'));
    await symlink('/usr', join(runtimeRoot, '0.3.0', '.venv'));
    const paths = (await takeInventory(runtimeRoot)).foreign.map(({ path }) => path);
    expect(paths.filter((path) => path.endsWith('.venv'))).toEqual([join(runtimeRoot, '0.3.0', '.venv')]);
  });

  it('continues when a file disappears during the walk', async () => {
    const locks = join(runtimeRoot, 'uv', 'locks');
    await mkdir(locks, { recursive: true });
    let isOver = false;
    const churn = Array.from({ length: 20 }, async (_, pid) => {
      const file = join(locks, `0.3.0.lock.holder.json.${pid}.tmp`);
      while (!isOver) {
        await writeFile(file, '{}');
        await rm(file);
      }
    });
    try {
      for (let round = 0; round < 20; round += 1) {
        expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
      }
    } finally {
      isOver = true;
      await Promise.all(churn);
    }
  });

  it('continues when an environment disappears during the walk', async () => {
    const dir = join(runtimeRoot, '0.3.0', 'envs', 'deadbeef');
    await mkdir(dir, { recursive: true });
    await put('0.3.0/envs/deadbeef/environment.json', '{}');
    const { lstat } = fs;
    const replace = (next: typeof lstat) => {
      fs.lstat = next;
      syncBuiltinESMExports();
    };
    onTestFinished(() => replace(lstat));
    // The walk is inside this folder when it reads the record.
    replace((async (path: string) => {
      if (path.endsWith('environment.json')) await rm(dir, { recursive: true, force: true });
      return lstat(path);
    }) as typeof lstat);
    expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
    expect(await pathExists(dir)).toBe(false);
  });

  it.runIf(canProtectFiles())('names the file that may not be deleted, and why the locks stay', async () => {
    await writeRuntime(runtimeRoot, '0.3.0');
    await put('0.3.0/envs/deadbeef/pyvenv.cfg', 'home = /usr/bin');
    await put('0.3.0/envs/deadbeef/protected');
    execFileSync('chattr', ['+i', join(runtimeRoot, '0.3.0', 'envs', 'deadbeef', 'protected')]);
    try {
      const { left } = await uninstallManagedPythonRuntimes({ runtimeRoot });
      const [environment, ...locks] = left;
      expect(environment!.reason).toMatch(/^operation not permitted: .*\.removed\/protected$/);
      expect(locks.map(({ path, reason }) => [basename(path), reason])).toEqual([
        ['0.3.0.lock', 'stays as long as anything else of ktx'],
        ['root.lock', 'stays as long as anything else of ktx'],
      ]);
    } finally {
      execFileSync('chattr', ['-R', '-i', runtimeRoot]);
    }
  });

  it('waits for changes to any version, however the root is written', async () => {
    await writeRuntime(runtimeRoot, '0.3.0');
    const { locksDir } = sharedLayout(runtimeRoot);
    await mkdir(locksDir, { recursive: true });
    const path = join(locksDir, '0.3.0.lock');
    const lock = tryFileLock(path);
    const since = new Date().toISOString();
    const holder = { pid: process.pid, start: readProcessStart(process.pid), host: hostname(), since };
    await writeFile(`${path}.holder.json`, JSON.stringify({ ...holder, step: 'packages' }));
    const stop = new AbortController();
    const uninstalling = uninstallManagedPythonRuntimes({
      runtimeRoot: `${runtimeRoot}/`,
      signal: stop.signal,
      note: () => stop.abort(),
    });
    await expect(uninstalling).rejects.toThrow(CancelledError);
    expect(await pathExists(join(runtimeRoot, '0.3.0', 'manifest.json'))).toBe(true);
    lock?.release();
  });
});
