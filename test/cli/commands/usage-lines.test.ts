import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, test, vi } from 'vitest';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({ plan: vi.fn(), processes: vi.fn(), projects: vi.fn(), history: vi.fn() }));
vi.mock('../../../src/lifecycle/uninstall.ts', () => ({ planUninstall: fake.plan }));
vi.mock('../../../src/runtime/environments-in-use.ts', () => ({ processesFrom: fake.processes }));
vi.mock('../../../src/daemon/known-projects.ts', () => ({ readKnownProjects: fake.projects }));
vi.mock('../../../src/runtime/history.ts', () => ({ readHistory: fake.history }));
const { runRecordsCommand } = await import('../../../src/cli/commands/records-command.ts');

beforeEach(() => {
  for (const each of Object.values(fake)) each.mockReset();
  fake.projects.mockResolvedValue([]);
  fake.processes.mockResolvedValue([]);
  fake.history.mockResolvedValue([]);
  fake.plan.mockResolvedValue({ parts: [], sizeBytes: 0, foreign: [], daemons: [] });
});

async function run(command: 'usage' | 'history', runtimeRoot = '/r', json = false) {
  const { io, printed } = capturedIo();
  const exitCode = await runRecordsCommand({ command, json }, io, { runtimeRoot });
  return { exitCode, ...printed };
}

it('what the folder holds, line by line', async () => {
  const daemon = { pid: 7, command: 'ktx-daemon' };
  fake.plan.mockResolvedValue({
    parts: [{ what: 'runtime 0.3.0', sizeBytes: 85_000_000, paths: [] }],
    sizeBytes: 85_000_000,
    foreign: [{ path: '/r/notes', sizeBytes: 3, reason: 'ktx did not make it' }],
    daemons: [daemon],
  });
  fake.processes.mockResolvedValue([daemon, { pid: 8, command: 'python' }]);
  fake.projects.mockResolvedValue([
    { projectDir: '/gone', folder: 'gone', daemon: null },
    { projectDir: '/quiet', folder: 'here', daemon: null },
    { projectDir: '/busy', folder: 'here', daemon: { pid: 7, version: '0.3.0' } },
  ]);
  const { exitCode, stdout } = await run('usage');
  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    [
      'ktx runtime folder /r',
      '   85 MB  runtime 0.3.0',
      '     3 B  /r/notes, ktx did not make it',
      '   85 MB  in all',
      'project /gone: its folder is gone',
      'project /quiet: its daemon is stopped',
      'project /busy: its daemon runs, process 7 of ktx 0.3.0',
      'ktx daemon, process 7: ktx-daemon',
      'process 8: python',
      '',
    ].join('\n'),
  );
  expect(JSON.parse((await run('usage', '/r', true)).stdout)).toMatchObject({
    runtimeRoot: '/r',
    parts: [{ what: 'runtime 0.3.0', sizeBytes: 85_000_000 }],
    sizeBytes: 85_000_000,
    daemons: [daemon],
    processes: [{ pid: 8, command: 'python' }],
  });
});

test.each([
  [[], [], true],
  [[{ pid: 7, command: 'd' }], [], false],
  [[], [{ pid: 8, command: 'p' }], false],
])('daemons %j, processes %j: nothing runs from it: %s', async (daemons, processes, isQuiet) => {
  fake.plan.mockResolvedValue({ parts: [], sizeBytes: 0, foreign: [], daemons });
  fake.processes.mockResolvedValue(processes);
  expect((await run('usage')).stdout.includes('Nothing runs from it.')).toBe(isQuiet);
});

const entry = (at: string, change: object = {}) => ({
  at,
  action: 'install',
  reason: 'first',
  to: 'aaaaaaaa',
  replaced: null,
  features: ['core', 'local-embeddings'],
  wheel: { version: '0.1.0' },
  by: { user: 'ada', host: 'box' },
  ...change,
});

it('who did what, over all versions, in the order of time', async () => {
  const root = await temporaryFolder();
  for (const name of ['0.2.0', '0.3.0', 'uv', 'notes']) await mkdir(join(root, name));
  fake.history.mockImplementation(async (folder: string) =>
    folder.endsWith('0.2.0')
      ? [
          entry('2026-01-02T00:00:00.123Z'),
          entry('2026-01-04T00:00:00.000Z', { replaced: 'bbbbbbbb', action: 'undo', reason: 'undo' }),
        ]
      : [entry('2026-01-03T00:00:00.000Z')],
  );
  const { stdout } = await run('history', root);
  const what = 'core, local-embeddings; wheel 0.1.0  by ada on box';
  expect(stdout).toBe(
    [
      `2026-01-02T00:00:00Z  ktx 0.2.0  install (first)  aaaaaaaa  ${what}`,
      `2026-01-03T00:00:00Z  ktx 0.3.0  install (first)  aaaaaaaa  ${what}`,
      `2026-01-04T00:00:00Z  ktx 0.2.0  undo (undo)  aaaaaaaa, replaced bbbbbbbb  ${what}`,
      '',
    ].join('\n'),
  );
  expect(fake.history).toHaveBeenCalledTimes(2);
  expect((await run('history', join(root, 'none'))).stdout).toBe(
    `No changes are recorded under ${join(root, 'none')}.\n`,
  );
});

it('what cannot be read is one line, and 1', async () => {
  fake.plan.mockRejectedValue(new Error('no access'));
  expect(await run('usage')).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringContaining('no access'),
  });
});
