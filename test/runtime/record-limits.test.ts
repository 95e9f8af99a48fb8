import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { sharedLayout } from '../../src/core/layout.ts';
import { readKnownProjects } from '../../src/daemon/known-projects.ts';
import { keepFailure, readLastFailure } from '../../src/log/failure-log.ts';
import { takeWheel } from '../../src/maker/wheel.ts';
import { readProjectConfig } from '../../src/project/project-config.ts';
import { projectSetupProgressPath, readCompletedSetupSteps } from '../../src/project/setup-progress.ts';
import { HISTORY_FILE, readHistory } from '../../src/runtime/history.ts';
import { readKnownFiles } from '../../src/runtime/known-files.ts';
import { readLockHolders } from '../../src/runtime/lock-holder.ts';
import { readInstalledManifest } from '../../src/runtime/manifest.ts';
import { readChosenPython } from '../../src/setup/request/choices.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const KB = 1024;
const MB = 1024 * KB;
const HISTORY = JSON.stringify({
  schemaVersion: 1,
  at: '2026-11-20T10:12:00Z',
  action: 'install',
  reason: 'first',
  to: 'deadbeef',
  replaced: null,
  back: null,
  features: ['core'],
  wheel: { version: '0.3.0', sha256: 'a' },
  lock: null,
  by: { user: 'ada', host: 'h', pid: 1 },
});
const HOLDER = JSON.stringify({
  pid: 1,
  start: null,
  host: 'h',
  step: 'fetch',
  since: '2026-11-20T10:12:00Z',
});

/** A file that would be too large for its reader was not written by ktx: nothing of it is read. */
interface Limit {
  path: string;
  text: string;
  limitBytes: number;
  /** Whether the record was read. */
  isRead: (root: string) => Promise<boolean>;
  /** What fills a text up without a meaning. */
  filling?: string;
}

const LIMITS: Record<string, Limit> = {
  'the chosen Python': {
    path: 'uv/choices.json',
    text: '{"schemaVersion":1,"python":"system"}',
    limitBytes: 64 * KB,
    isRead: async (root) => (await readChosenPython(root)) === 'system',
  },
  'the holder of a lock': {
    path: 'uv/locks/0.3.0.lock.holder.json',
    text: HOLDER,
    limitBytes: 64 * KB,
    isRead: async (root) => (await readLockHolders(sharedLayout(root).locksDir)).length === 1,
  },
  'the project of a daemon': {
    path: `uv/daemons/${'a'.repeat(64)}`,
    text: '{"projectDir":"/gone"}',
    limitBytes: 64 * KB,
    isRead: async (root) => (await readKnownProjects(root, '0.3.0')).length === 1,
  },
  'the history of a version': {
    path: `0.3.0/${HISTORY_FILE}`,
    text: HISTORY,
    limitBytes: MB,
    filling: '\n',
    isRead: async (root) => (await readHistory(join(root, '0.3.0'))).length === 1,
  },
  'the files that are known': {
    path: 'uv/known-files',
    text: `${'a'.repeat(64)} 1 store/x\n`,
    limitBytes: 8 * MB,
    isRead: async (root) =>
      (await readKnownFiles(sharedLayout(root).root)).has(
        join(sharedLayout(root).root, 'store/x'),
        '1',
        'a'.repeat(64),
      ),
  },
  'the steps of a project': {
    path: '.ktx/setup/state.json',
    text: '{"completed_steps":["llm"]}',
    limitBytes: 64 * KB,
    isRead: (root) =>
      readCompletedSetupSteps(root).then(
        (steps) => steps.includes('llm'),
        () => false,
      ),
  },
  'the settings of a project': {
    path: 'ktx.yaml',
    text: 'ingest: {}\n',
    limitBytes: MB,
    filling: '#',
    isRead: async (root) =>
      readProjectConfig(root).then(
        () => true,
        () => false,
      ),
  },
};

it.each(Object.entries(LIMITS))('%s', async (_what, { path, text, limitBytes, isRead, filling = ' ' }) => {
  const root = await temporaryFolder();
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  expect(await isRead(root)).toBe(true);
  await writeFile(file, `${text}${filling.repeat(limitBytes - text.length)}`);
  expect(await isRead(root)).toBe(true);
  await writeFile(file, `${text}${filling.repeat(limitBytes + 1 - text.length)}`);
  expect(await isRead(root)).toBe(false);
});

it('the steps lie where the project keeps them', () => {
  expect(projectSetupProgressPath('/p')).toBe(join('/p', LIMITS['the steps of a project']!.path));
});

it('a manifest', async () => {
  const root = await temporaryFolder();
  await writeRuntime(root, '0.3.0');
  const path = join(root, '0.3.0', 'manifest.json');
  expect(await readInstalledManifest(path)).not.toBeNull();
  await truncate(path, MB + 1);
  await expect(readInstalledManifest(path)).rejects.toThrow(/1048576|1\.0 MiB|1 MiB|bytes|large/i);
});

it('a wheel', async () => {
  const path = join(await temporaryFolder(), 'tool-1.0-py3-none-any.whl');
  await writeFile(path, '');
  await truncate(path, 1024 * MB + 1);
  const work = { scratchDir: '/none' };
  // Nothing of it is read into memory.
  await expect(takeWheel({ file: path }, {} as never, work)).rejects.toThrow(/tool-1\.0/);
});

it('a failure without a step is one of the plan', async () => {
  const runtimeRoot = await temporaryFolder();
  const failure = {
    step: null,
    title: 'No host',
    failureClass: 'network' as const,
    evidence: ['a fact'],
    nextSteps: ['a step'],
    remedies: [],
    untouched: 'Nothing was changed.',
    logPath: null,
  };
  await keepFailure({ runtimeRoot, cliVersion: '0.3.0', features: ['core', 'x'], settings: [], failure });
  const { text } = (await readLastFailure(runtimeRoot))!;
  const lines = text.split('\n');
  expect(lines[0]).toMatch(/^ktx 0\.3\.0: setup of core, x failed at \S+, step plan$/);
  expect(lines.slice(2)).toEqual(['  a fact', '  next: a step', 'Nothing was changed.', '']);
});
