import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import type { OnEvent } from '../../../src/core/events.ts';
import type { KtxRuntimeFeature } from '../../../src/core/features.ts';
import { sharedLayout } from '../../../src/core/layout.ts';
import { installManagedPythonRuntime } from '../../../src/embed/install.ts';
import type { ManagedPythonRuntimeExec } from '../../../src/process/exec.ts';
import { readEnvironments } from '../../../src/runtime/environments.ts';
import { readHistory } from '../../../src/runtime/history.ts';
import { openJournal } from '../../../src/runtime/journal.ts';
import { readManagedPythonRuntimeStatus } from '../../../src/runtime/status.ts';
import { managedUvPath } from '../../../src/uv/acquire.ts';
import { writeForeignAsset } from '../../fixtures/foreign-asset.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { watchJournal } from '../../fixtures/watch-journal.ts';
import { watchRemovals } from '../../fixtures/watch-removals.ts';

/** A machine whose uv leaves behind what the real one does; `onCommand` is told of each of its commands. */
async function machine(onCommand: (command: string) => Promise<unknown> = async () => {}) {
  const root = await temporaryFolder();
  const runtimeRoot = join(root, 'runtime');
  const assetDir = join(root, 'assets');
  await writeForeignAsset(assetDir);
  const uvPath = managedUvPath({ runtimeRoot });
  await mkdir(dirname(uvPath), { recursive: true });
  await writeFile(uvPath, '', { mode: 0o755 });
  const exec: ManagedPythonRuntimeExec = async (_uv, args) => {
    await onCommand(args[0]!);
    if (args[0] === 'venv') {
      await mkdir(join(args[3]!, 'bin'), { recursive: true });
      await writeFile(join(args[3]!, 'bin', 'python'), '');
    }
    if (args[0] === 'pip') await writeFile(join(dirname(args[3]!), 'ktx-daemon'), '');
    return { stdout: args[0] === '--version' ? 'uv 0.11.21\n' : '', stderr: '' };
  };
  const base = { cliVersion: '0.3.0', runtimeRoot, assetDir, exec, env: {} };
  const install = (extra: { force?: boolean; onEvent?: OnEvent; features?: KtxRuntimeFeature[] } = {}) =>
    installManagedPythonRuntime({ ...base, features: ['core'], ...extra });
  const status = () => readManagedPythonRuntimeStatus(base);
  return {
    runtimeRoot,
    assetDir,
    versionDir: join(runtimeRoot, '0.3.0'),
    shared: sharedLayout(runtimeRoot),
    install,
    status,
  };
}

it('an environment is written down before there is anything of it, and the switch on both sides', async () => {
  const m = await machine();
  const envs = join(m.versionDir, 'envs');
  const written = watchJournal((entry) => ({
    isThere: 'making' in entry && entry.making === 'environment' && existsSync(join(envs, entry.name)),
    isCommitted: existsSync(join(m.versionDir, 'manifest.json')),
  }));
  const { layout } = await m.install();
  const name = basename(layout.venvDir);
  expect(written).toContainEqual({
    entry: { making: 'environment', name },
    seen: { isThere: false, isCommitted: false },
  });
  expect(written).toContainEqual({
    entry: { switchingTo: name },
    seen: { isThere: false, isCommitted: false },
  });
  expect(written).toContainEqual({
    entry: { switchedTo: name },
    seen: { isThere: false, isCommitted: true },
  });
  expect(await readdir(m.shared.runsDir)).toEqual([]);
});

it('who waits is told the step that it is at', async () => {
  const steps: Record<string, string> = {};
  const m = await machine(async (command) => {
    const text = await readFile(join(m.shared.locksDir, 'root.lock.holder.json'), 'utf8');
    steps[command] = JSON.parse(text).step;
  });
  await m.install();
  expect(steps).toEqual({ '--version': 'fetch', python: 'python', venv: 'packages', pip: 'packages' });
});

it('what goes wrong after the switch takes nothing back: the new environment is the one in force', async () => {
  const m = await machine();
  const first = await m.install();
  const onEvent: OnEvent = (event) => {
    if (event.type === 'step' && event.step === 'switch' && event.status === 'finished')
      throw new Error('whoever listens failed');
  };
  await expect(m.install({ force: true, onEvent })).rejects.toThrow('whoever listens failed');
  const status = await m.status();
  expect(status.kind).toBe('ready');
  expect(status.layout.venvDir).not.toBe(first.layout.venvDir);
});

it('tidying up that fails is said, and the install has succeeded all the same', async () => {
  const m = await machine();
  await mkdir(join(m.shared.pythonDir, 'deadbeef'), { recursive: true });
  watchRemovals((path) => {
    if (path.includes('deadbeef')) throw new Error('EBUSY: resource busy');
  });
  const notes: string[] = [];
  const { status } = await m.install({
    onEvent: (event) => event.type === 'note' && notes.push(event.text),
  });
  expect(status).toBe('installed');
  expect(notes.join('\n')).toMatch(/active, but cleanup failed: EBUSY/);
});

it('features are carried over from this version, not from what another one left in its folder', async () => {
  const m = await machine();
  const { layout, manifest } = await m.install();
  const features = ['core', 'local-embeddings'];
  await writeFile(layout.manifestPath, JSON.stringify({ ...manifest, features, cliVersion: '0.2.9' }));
  expect((await m.install()).manifest.features).toEqual(['core']);
});

it('the way back leads past an environment that does not run', async () => {
  const m = await machine();
  const first = await m.install();
  const second = await m.install({ force: true });
  await rm(second.layout.pythonPath);
  await m.install();
  const { other } = await readEnvironments(m.versionDir);
  expect(other).toBe(basename(first.layout.venvDir));
});

it('with nothing to install, what a killed run left is put in order all the same', async () => {
  const m = await machine();
  await m.install();
  openJournal({ runsDir: m.shared.runsDir, cliVersion: '0.3.0' });
  await mkdir(join(m.versionDir, 'envs', 'deadbeef'));
  expect((await m.install()).status).toBe('ready');
  expect(await readdir(m.shared.runsDir)).toEqual([]);
  expect(await readdir(join(m.versionDir, 'envs'))).not.toContain('deadbeef');
});

it('an install puts in order first what a killed run left, and says so', async () => {
  const m = await machine();
  openJournal({ runsDir: m.shared.runsDir, cliVersion: '0.2.9' });
  const notes: string[] = [];
  await m.install({ onEvent: (event) => event.type === 'note' && notes.push(event.text) });
  expect(notes.join('\n')).toContain('An earlier run of ktx 0.2.9 was interrupted');
  expect(await readdir(m.shared.runsDir)).toEqual([]);
});

it('the history says why each environment was built', async () => {
  const m = await machine();
  const { layout } = await m.install();
  await m.install({ force: true });
  await m.install({ features: ['core', 'local-embeddings'] });
  const { venvDir } = (await m.status()).layout;
  await rm(join(venvDir, 'bin', 'python'));
  await m.install();
  await writeForeignAsset(m.assetDir, { content: 'another = 1' });
  await m.install();
  const history = await readHistory(layout.versionDir);
  const reasons = history.map((entry) => ('reason' in entry ? entry.reason : null));
  expect(reasons).toEqual(['first', 'forced', 'feature', 'damaged', 'update']);
});
