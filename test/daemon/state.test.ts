import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { publishDaemonState, readDaemonState, removeDaemonState } from '../../src/daemon/state.ts';
import { pathExists } from '../../src/support/fs/path-exists.ts';
import { daemonProject, daemonState, writeState, writeStateText } from '../fixtures/daemon.ts';

describe('the state file', () => {
  it('is two-space JSON with a final newline, and nothing is left beside it', async () => {
    const { layout } = await daemonProject();
    const state = daemonState(layout);
    expect(await publishDaemonState(layout.daemonStatePath, state)).toBe(true);
    expect(await readFile(layout.daemonStatePath, 'utf8')).toBe(`${JSON.stringify(state, null, 2)}\n`);
    expect(await readdir(layout.daemonStateDir)).toEqual(['daemon.json']);
    expect(await readDaemonState(layout.daemonStatePath)).toMatchObject({ kind: 'valid', state });
  });

  it('is never written over, not even when it is invalid', async () => {
    const { layout } = await daemonProject();
    await writeStateText(layout, '{');
    expect(await publishDaemonState(layout.daemonStatePath, daemonState(layout))).toBe(false);
    expect(await readFile(layout.daemonStatePath, 'utf8')).toBe('{');
    expect(await readdir(layout.daemonStateDir)).toEqual(['daemon.json']);
  });

  it('of many concurrent publishers, one succeeds', async () => {
    const { layout } = await daemonProject();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        publishDaemonState(layout.daemonStatePath, daemonState(layout, { pid: index + 1 })),
      ),
    );
    const winner = results.indexOf(true);
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await readDaemonState(layout.daemonStatePath)).toMatchObject({ state: { pid: winner + 1 } });
  });

  it.runIf(process.platform !== 'win32')('does not read a device or a pipe in its place', async () => {
    const { layout } = await daemonProject();
    await mkdir(layout.daemonStateDir, { recursive: true });
    await symlink('/dev/zero', layout.daemonStatePath);
    const read = await readDaemonState(layout.daemonStatePath);
    expect(read).toMatchObject({
      kind: 'invalid',
      reason: expect.stringContaining('symbolic link'),
      text: null,
    });
    await removeDaemonState(layout.daemonStatePath, read);
    expect(await readDaemonState(layout.daemonStatePath)).toEqual({ kind: 'none' });
    expect(await pathExists('/dev/zero')).toBe(true);
  });

  it('a folder in its place stays, and is named', async () => {
    const { layout } = await daemonProject();
    const path = layout.daemonStatePath;
    await mkdir(path, { recursive: true });
    await expect(removeDaemonState(path, await readDaemonState(path))).rejects.toThrow(
      `${path} is a folder, not a file.`,
    );
    expect(await pathExists(path)).toBe(true);
  });

  it('is removed while it says what was read, and not when it was replaced meanwhile', async () => {
    const { layout } = await daemonProject();
    const path = layout.daemonStatePath;
    await writeState(layout, { pid: 1 });
    const old = await readDaemonState(path);
    await writeState(layout, { pid: 2 });
    await removeDaemonState(path, old);
    expect(await readDaemonState(path)).toMatchObject({ state: { pid: 2 } });
    await removeDaemonState(path, { kind: 'none' });
    expect(await pathExists(path)).toBe(true);
    await removeDaemonState(path, await readDaemonState(path));
    expect(await pathExists(path)).toBe(false);
  });
});
