import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { directorySegments } from '../../src/bundle/archive/bundle-directory.ts';
import { openSegment } from '../../src/bundle/archive/bundle-file.ts';
import { openDaemonLog } from '../../src/daemon/log-file.ts';
import { makeDaemonStateDir, readDaemonState } from '../../src/daemon/state.ts';
import {
  modelHostSettingsPath,
  readModelHostSettings,
  saveModelHostSettings,
  unfinishedChange,
} from '../../src/hosts/project-files.ts';
import {
  projectSetupProgressPath,
  readCompletedSetupSteps,
  recordSetupStep,
} from '../../src/project/setup-progress.ts';

// A cloned project, or a bundle that somebody unpacked, may hold links: what is read or written beneath it must not lie elsewhere.
let root: string;
let project: string;
let elsewhere: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ktx-linked-'));
  project = join(root, 'project');
  elsewhere = join(root, 'elsewhere');
  await mkdir(project);
});
afterEach(() => rm(root, { recursive: true }));

/** Moves a folder of the project out of it and leaves a link in its place. */
async function linkAway(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await rename(folder, elsewhere);
  await symlink(elsewhere, folder);
}

const statePath = () => join(project, '.ktx', 'runtime', 'daemon.json');
const CHANGE = { host: 'h', configPath: '/c.yaml', backupPath: '/b', startedAt: '2026-01-01T00:00:00Z' };

describe('what a project holds is not written beyond a linked folder', () => {
  const writers: [string, string, () => Promise<unknown>][] = [
    ["the daemon's folder", '.ktx', () => makeDaemonStateDir(dirname(statePath()))],
    ["the daemon's log", '.ktx/runtime', () => openDaemonLog(`${dirname(statePath())}/daemon.log`, project)],
    ['the steps of the setup', '.ktx/setup', () => recordSetupStep(project, 'runtime')],
    [
      'the model host',
      '.ktx/setup',
      () =>
        saveModelHostSettings(project, {
          host: 'h.example',
          configPath: '/etc/llama-swap.yaml',
          mode: 'wrapper',
          user: 'me',
          keyPath: '/k',
          baseUrl: 'http://h.example:8080',
        }),
    ],
    ['an unfinished change', '.ktx/setup', () => unfinishedChange.write(project, CHANGE)],
    ['the end of a change', '.ktx/setup', () => unfinishedChange.remove(project)],
  ];
  it.each(writers)('%s', async (_, folder, write) => {
    await linkAway(join(project, folder));
    const kept = join(elsewhere, 'model-host-unfinished.json');
    await writeFile(kept, 'precious');
    await expect(write()).rejects.toThrow('symbolic link');
    expect(await readdir(elsewhere)).toEqual(['model-host-unfinished.json']);
    expect(await readFile(kept, 'utf8')).toBe('precious');
  });
});

describe('what lies beyond a linked folder is not read', () => {
  it('the state of a daemon', async () => {
    await linkAway(dirname(statePath()));
    await writeFile(join(elsewhere, 'daemon.json'), '{}');
    expect(await readDaemonState(statePath())).toMatchObject({ kind: 'invalid', text: null });
  });

  it('the steps of the setup', async () => {
    await linkAway(dirname(projectSetupProgressPath(project)));
    await writeFile(join(elsewhere, 'state.json'), '{"completed_steps":["runtime"]}');
    await expect(readCompletedSetupSteps(project)).rejects.toThrow('symbolic link');
  });

  it('the model host', async () => {
    await linkAway(dirname(modelHostSettingsPath(project)));
    await writeFile(modelHostSettingsPath(project), '{"schemaVersion":1}');
    await expect(readModelHostSettings(project)).rejects.toThrow('symbolic link');
  });

  it('an unfinished change', async () => {
    await unfinishedChange.write(project, CHANGE);
    expect(await unfinishedChange.read(project, CHANGE)).not.toBeNull();
    await linkAway(join(project, '.ktx', 'setup'));
    expect(await unfinishedChange.read(project, CHANGE)).toBeNull();
  });

  it('a file of an unpacked bundle', async () => {
    await linkAway(join(project, 'wheels'));
    await writeFile(join(elsewhere, 'a.whl'), 'x');
    const opening = openSegment({ path: join(project, 'wheels', 'a.whl'), within: project });
    await expect(opening).rejects.toThrow('symbolic link');
  });

  it('the list of an unpacked bundle', async () => {
    await writeFile(elsewhere, '{}');
    await symlink(elsewhere, join(project, 'bundle.json'));
    await expect(directorySegments(project)).rejects.toThrow('symbolic link');
  });
});
