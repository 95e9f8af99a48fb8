import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { pruneManagedPythonRuntimes } from '../../src/lifecycle/prune.ts';
import { readProcessStart } from '../../src/process/process-table.ts';
import { openJournal } from '../../src/runtime/journal.ts';
import { KtxExpectedError } from '../../src/support/errors.ts';
import { tryFileLock } from '../../src/support/fs/file-lock.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { writeScript } from '../fixtures/fake-daemon.ts';
import { watchRemovals } from '../fixtures/watch-removals.ts';
import { whileFlickers } from '../fixtures/while-flickers.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ktx-prune-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const prune = (dryRun?: boolean) =>
  pruneManagedPythonRuntimes({ cliVersion: '0.3.0', runtimeRoot: root, dryRun });

describe('pruneManagedPythonRuntimes', () => {
  it('23. a missing root is empty', async () => {
    const runtimeRoot = join(root, 'nowhere');
    expect(await pruneManagedPythonRuntimes({ cliVersion: '0.3.0', runtimeRoot })).toEqual({
      runtimeRoot,
      stale: [],
      kept: [],
      removed: [],
    });
  });

  it('23. removes other versions, keeps the current one, files and uv', async () => {
    for (const version of ['0.10.0', '0.2.0', '0.3.0', '0.3.1-rc.2']) await writeRuntime(root, version);
    await mkdir(join(root, 'uv', '0.11.21'), { recursive: true });
    await writeFile(join(root, '0.1.0'), 'a file with a version for a name');
    await mkdir(join(root, 'backup of mine'));
    const result = await prune();
    expect(result).toEqual({
      runtimeRoot: root,
      stale: [join(root, '0.2.0'), join(root, '0.3.1-rc.2'), join(root, '0.10.0')],
      kept: [join(root, '0.3.0')],
      removed: [join(root, '0.2.0'), join(root, '0.3.1-rc.2'), join(root, '0.10.0')],
    });
    expect((await readdir(root)).sort()).toEqual(['0.1.0', '0.3.0', 'backup of mine', 'uv']);
  });

  it('23. a dry run deletes nothing', async () => {
    await writeRuntime(root, '0.2.0');
    expect(await prune(true)).toMatchObject({ stale: [join(root, '0.2.0')], removed: [] });
    expect(await readdir(join(root, '0.2.0'))).toContain('manifest.json');
  });

  it('a concurrent removal is not a failure', async () => {
    const path = join(root, '0.2.0');
    const seen = await whileFlickers(path, 'anew', async () => (await prune()).removed.includes(path));
    expect(seen.sort()).toEqual([false, true]);
  });

  it('follows no link: neither one in place of a version nor one inside it', async () => {
    const elsewhere = join(root, 'elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'precious'), '');
    const runtimes = join(root, 'runtimes');
    await mkdir(join(runtimes, '0.2.0'), { recursive: true });
    await symlink(elsewhere, join(runtimes, '0.1.0'));
    await symlink(elsewhere, join(runtimes, '0.2.0', 'envs'));
    const result = await pruneManagedPythonRuntimes({ cliVersion: '0.3.0', runtimeRoot: runtimes });
    expect(result.removed).toEqual([join(runtimes, '0.2.0')]);
    expect(await readdir(runtimes)).toEqual(['0.1.0']);
    expect(await readdir(elsewhere)).toEqual(['precious']);
  });

  it('a folder that cannot be removed is named, the others go', async () => {
    // Unlike missing permissions, a link loop in place of the manifest's folder fails for root too.
    for (const version of ['0.1.0', '0.2.0']) await writeRuntime(root, version);
    await rm(join(root, '0.1.0', 'manifest.json'));
    await mkdir(join(root, '0.1.0', 'manifest.json', 'x'), { recursive: true });
    const error = await prune().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KtxExpectedError);
    expect((error as Error).message).toContain(`Could not remove ${join(root, '0.1.0')}: `);
    expect((error as Error).message).not.toContain('0.2.0');
    expect(error).toMatchObject({ evidence: [`removed: ${join(root, '0.2.0')}`] });
    expect(await readdir(root)).toEqual(['0.1.0']);
  });

  it('read-only files of an environment do not stop it', async () => {
    const { python } = await writeRuntime(root, '0.2.0');
    await chmod(python.executable, 0o444);
    expect((await prune()).removed).toEqual([join(root, '0.2.0')]);
  });

  it('puts in order what killed runs left, and leaves of the current version what is needed', async () => {
    await writeRuntime(root, '0.3.0');
    const { runsDir } = sharedLayout(root);
    openJournal({ runsDir, cliVersion: '0.3.0' });
    await mkdir(join(root, '0.3.0', 'envs', 'deadbeef'));
    await prune();
    expect(await readdir(runsDir)).toEqual([]);
    expect(await readdir(join(root, '0.3.0', 'envs'))).toEqual(['7f3c0000']);
    // Without a killed run as well: older environments that were in use when they should have been removed.
    await mkdir(join(root, '0.3.0', 'envs', 'deadbeef'));
    await prune();
    expect(await readdir(join(root, '0.3.0', 'envs'))).toEqual(['7f3c0000']);
  });

  it('looks again after it has waited: what was stale may be in use by then, and what came meanwhile is not locked', async () => {
    await writeRuntime(root, '0.1.0');
    const { python } = await writeRuntime(root, '0.2.0');
    const { locksDir } = sharedLayout(root);
    await mkdir(locksDir, { recursive: true });
    const path = join(locksDir, '0.1.0.lock');
    const lock = tryFileLock(path)!;
    const self = { pid: process.pid, start: readProcessStart(process.pid), host: hostname() };
    await writeFile(`${path}.holder.json`, JSON.stringify({ ...self, step: 'packages', since: 'noon' }));
    const waits = Promise.withResolvers<void>();
    const note = () => waits.resolve();
    const pruning = pruneManagedPythonRuntimes({ cliVersion: '0.3.0', runtimeRoot: root, note });
    await waits.promise;
    await writeRuntime(root, '0.4.0');
    await writeScript(python.executable, '#!/bin/sh\necho started\nwhile :; do sleep 1; done\n');
    const running = spawn(python.executable, [], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void running.kill('SIGKILL'));
    await once(running.stdout, 'data');
    lock.release();
    expect((await pruning).removed).toEqual([join(root, '0.1.0')]);
    expect((await readdir(root)).sort()).toEqual(['0.2.0', '0.4.0', 'uv']);
  });

  it('an interrupted removal leaves no runtime instead of a broken one', async () => {
    const { python } = await writeRuntime(root, '0.2.0');
    const environment = join(python.executable, '..', '..');
    const removed = watchRemovals();
    await prune();
    expect(removed[0]).toBe(join(root, '0.2.0', 'manifest.json'));
    expect(removed[1]!.slice(0, environment.length)).toBe(environment);
    expect(removed[1]!.slice(environment.length)).toMatch(/^\.[0-9a-f]{8}\.removed$/);
  });
});
