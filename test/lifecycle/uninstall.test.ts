import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { planUninstall, uninstallManagedPythonRuntimes } from '../../src/lifecycle/uninstall.ts';
import { isProcessAlive } from '../../src/process/list-processes.ts';
import { openJournal, RUN_VARIABLE } from '../../src/runtime/journal.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { writeScript } from '../fixtures/fake-daemon.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { watchRemovals } from '../fixtures/watch-removals.ts';

async function installed() {
  const runtimeRoot = await temporaryFolder();
  const { python } = await writeRuntime(runtimeRoot, '0.3.0');
  const shared = sharedLayout(runtimeRoot);
  const download = join(shared.storeDir, 'a'.repeat(64));
  await mkdir(download, { recursive: true });
  await writeFile(join(download, 'x.whl'), 'wheel');
  return { runtimeRoot, shared, download, python, manifestPath: join(runtimeRoot, '0.3.0', 'manifest.json') };
}

it('the manifest goes first: cut off, it leaves no runtime and not a broken one; the locks go last', async () => {
  const { runtimeRoot, shared, download, manifestPath } = await installed();
  const removed = watchRemovals();
  expect(await uninstallManagedPythonRuntimes({ runtimeRoot })).toMatchObject({ left: [], leftBytes: 0 });
  expect(removed[0]).toBe(manifestPath);
  expect(removed).toContain(download);
  const isLock = removed.map((path) => dirname(path) === shared.locksDir);
  expect(isLock.indexOf(true)).toBeGreaterThan(isLock.lastIndexOf(false));
  expect(await pathExists(runtimeRoot)).toBe(false);
});

it('what cannot be removed is reported with its reason and its bytes, and the locks stay as long as it does', async () => {
  const { runtimeRoot, shared, download, manifestPath } = await installed();
  watchRemovals((path) => {
    if (path === download) throw Object.assign(new Error('EBUSY: resource busy'), { code: 'EBUSY' });
  });
  const { left, leftBytes, removedBytes } = await uninstallManagedPythonRuntimes({ runtimeRoot });
  expect(left).toContainEqual({ path: download, sizeBytes: 5, reason: 'EBUSY: resource busy' });
  expect(leftBytes).toBeGreaterThanOrEqual(5);
  expect(removedBytes).toBeGreaterThan(0);
  expect(await pathExists(join(shared.locksDir, 'root.lock'))).toBe(true);
  expect(await pathExists(manifestPath)).toBe(false);
});

it('what a killed run left running is ended first', async () => {
  const { runtimeRoot, shared } = await installed();
  const { runId } = openJournal({ runsDir: shared.runsDir, cliVersion: '0.3.0' });
  const survivor = spawn('sleep', ['1000'], {
    env: { ...process.env, [RUN_VARIABLE]: runId },
    stdio: 'ignore',
  });
  onTestFinished(() => void survivor.kill('SIGKILL'));
  await once(survivor, 'spawn');
  expect(await uninstallManagedPythonRuntimes({ runtimeRoot })).toMatchObject({ left: [] });
  expect(await isProcessAlive(survivor.pid!)).toBe(false);
});

it('a daemon that does not heed SIGTERM is killed', async () => {
  const { runtimeRoot, python } = await installed();
  const script = [
    '#!/usr/bin/python3',
    'import signal, time',
    'signal.signal(signal.SIGTERM, signal.SIG_IGN)',
    "print('started', flush=True)",
    'time.sleep(1000)',
  ].join('\n');
  await writeScript(python.daemonExecutable, script);
  const args = ['serve-http', '--host', '127.0.0.1', '--port', '8765'];
  const daemon = spawn(python.daemonExecutable, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void daemon.kill('SIGKILL'));
  await once(daemon.stdout, 'data');
  const { stoppedPids, left } = await uninstallManagedPythonRuntimes({ runtimeRoot });
  expect(stoppedPids).toEqual([daemon.pid]);
  expect(left).toEqual([]);
  expect(daemon.signalCode).toBe('SIGKILL');
});

it('what lies there under two names counts once, in the plan as on the disk', async () => {
  const { runtimeRoot, download, python } = await installed();
  const before = await planUninstall({ runtimeRoot });
  await link(join(download, 'x.whl'), join(python.executable, '..', 'x.whl'));
  expect((await planUninstall({ runtimeRoot })).sizeBytes).toBe(before.sizeBytes);
  expect(before.sizeBytes).toBeGreaterThan((await stat(join(download, 'x.whl'))).size);
});
