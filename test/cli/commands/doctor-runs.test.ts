import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import type { DoctorEvent, DoctorResult } from '../../../src/doctor/events.ts';
import type { RepairStep } from '../../../src/doctor/repairs/repair.ts';
import { checkLines, repairStepLines } from '../../../src/present/doctor-lines.ts';
import { CancelledError, SetupError } from '../../../src/support/errors.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({ run: vi.fn(), fix: vi.fn(), plan: vi.fn(), undo: vi.fn() }));
vi.mock('../../../src/doctor/doctor.ts', async (original) => ({
  ...(await original<object>()),
  runDoctor: fake.run,
}));
vi.mock('../../../src/doctor/repair-run.ts', async (original) => ({
  ...(await original<object>()),
  fixRuntime: fake.fix,
  planRepairs: fake.plan,
  undoRepairs: fake.undo,
}));
const { runDoctorCommand } = await import('../../../src/cli/commands/doctor-command.ts');
type Args = Parameters<typeof runDoctorCommand>[0];

const result = (change: Partial<DoctorResult> = {}): DoctorResult => ({
  id: 'uv',
  group: 'Tools',
  label: 'uv',
  status: 'pass',
  detail: 'uv 1',
  durationMs: 1,
  ...change,
});
const BROKEN = [
  result({ status: 'fail', detail: 'gone', repairs: ['replace-uv'], fix: 'Do it' }),
  result({
    id: 'a',
    group: 'Runtime',
    label: 'A',
    status: 'warn',
    detail: 'w',
    repairs: ['release-lock', 'free-space'],
  }),
  result({ id: 'b', group: 'Tools', label: 'B', status: 'skipped', detail: 's' }),
  result({ id: 'c', group: 'Tools', label: 'C', status: 'could-not-check', detail: 'c' }),
];
const STEP: RepairStep = {
  id: 'replace-uv',
  label: 'Replace uv',
  what: 'Puts it in its place',
  paths: ['/r/uv', '/r/uv.verified'],
  downloadBytes: 25_000_000,
  hosts: ['a.example', 'b.example'],
  worksOffline: false,
  canUndo: true,
};

beforeEach(() => {
  for (const each of Object.values(fake)) each.mockReset();
  fake.run.mockResolvedValue(BROKEN);
  fake.plan.mockResolvedValue({ steps: [STEP], reasons: [] });
  fake.fix.mockResolvedValue({ repairs: ['replace-uv'], before: BROKEN, after: [result()] });
  fake.undo.mockResolvedValue({ repairs: ['replace-uv', 'free-space'] });
});

async function command(change: Partial<Args> = {}, deps: Parameters<typeof runDoctorCommand>[2] = {}) {
  const { io, printed } = capturedIo();
  const args: Args = {
    cliVersion: '0.3.0',
    action: 'check',
    ids: null,
    repairs: null,
    isDeep: false,
    withNetwork: false,
    withModels: false,
    isJson: false,
    isYes: false,
    isOffline: false,
    indexUrl: null,
    runtimeRoot: '/r',
    ...change,
  };
  const exitCode = await runDoctorCommand(args, io, deps);
  return { exitCode, ...printed };
}

test('the lines of checks, by group', () => {
  expect(checkLines([...BROKEN, result({ id: 'd', detail: 'fine' })])).toEqual([
    'Tools',
    `  ✗ ${'uv'.padEnd(32)} gone`,
    '      repair: replace-uv',
    '      Do it',
    `  – ${'B'.padEnd(32)} s`,
    `  ? ${'C'.padEnd(32)} c`,
    `  ✓ ${'uv'.padEnd(32)} fine`,
    'Runtime',
    `  ! ${'A'.padEnd(32)} w`,
    '      repair: release-lock or free-space',
  ]);
});

test.each<[string, Partial<RepairStep>, string]>([
  ['from hosts', {}, '  25 MB to download from a.example, b.example; can be undone'],
  ['from hosts that are not known yet', { hosts: [] }, '  25 MB to download; can be undone'],
  ['nothing', { worksOffline: true, canUndo: false }, '  works offline; cannot be undone'],
])('the lines of a repair that fetches %s', (_, change, network) => {
  expect(repairStepLines({ ...STEP, ...change })).toEqual([
    'Replace uv (replace-uv)',
    '  Puts it in its place',
    network,
    '  changes /r/uv',
    '  changes /r/uv.verified',
  ]);
});

describe('checks', () => {
  it('prints rows, a summary and the command that fixes what was found', async () => {
    const { exitCode, stdout, stderr } = await command();
    expect([exitCode, stderr]).toEqual([1, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, -2)).toEqual(checkLines(BROKEN));
    expect(lines.at(-2)).toMatch(
      /^4 checks · 1 failed · 1 with a warning · 1 could not be checked · 1 skipped · [\d.]+ m?s$/,
    );
    expect(lines.at(-1)).toBe('Fix it: ktx doctor --fix --yes   (release-lock, replace-uv)');
  });

  it('a healthy runtime is one short sentence, and nothing to fix', async () => {
    fake.run.mockResolvedValue([result()]);
    const { exitCode, stdout } = await command();
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^1 check · [\d.]+ m?s$/);
  });

  it('a deep look is fixed by a deep run', async () => {
    expect((await command({ isDeep: true })).stdout).toContain('Fix it: ktx doctor --deep --fix --yes   (');
  });

  test.each<[string, Partial<Args>, object]>([
    ['nothing', {}, { costs: [], isDeep: false }],
    ['deep', { isDeep: true }, { costs: ['deep'], isDeep: true }],
    ['network', { withNetwork: true }, { costs: ['network'], isDeep: false }],
    ['models', { withModels: true }, { costs: ['models'], isDeep: false }],
    [
      'all of it',
      { isDeep: true, withNetwork: true, withModels: true },
      { costs: ['deep', 'network', 'models'], isDeep: true },
    ],
    ['some checks', { ids: ['uv'] }, { costs: [], isDeep: false, ids: ['uv'] }],
  ])('asked for %s', async (_, args, expected) => {
    await command(args, { projectDir: '/p', env: { A: '1' } });
    expect(fake.run).toHaveBeenCalledWith(
      { cliVersion: '0.3.0', runtimeRoot: '/r', projectDir: '/p', env: { A: '1' } },
      { ...expected, signal: undefined, onEvent: expect.any(Function) },
    );
    await command({ ...args, runtimeRoot: null, isJson: true });
    expect(fake.run).toHaveBeenLastCalledWith(
      { cliVersion: '0.3.0' },
      { ...expected, signal: undefined, onEvent: undefined },
    );
  });

  it('with the network, a model that the project names is asked too', async () => {
    const projectDir = await temporaryFolder();
    await command({ withNetwork: true }, { projectDir });
    expect(fake.run.mock.lastCall![1].costs).toEqual(['network']);
    await mkdir(projectDir, { recursive: true });
    await writeFile(join(projectDir, 'ktx.yaml'), 'llm:\n  provider:\n    backend: codex\n');
    await command({ withNetwork: true }, { projectDir });
    expect(fake.run.mock.lastCall![1].costs).toEqual(['network', 'models']);
    await command({}, { projectDir });
    expect(fake.run.mock.lastCall![1].costs).toEqual([]);
  });

  it('as JSON: one document and nothing else', async () => {
    const { exitCode, stdout, stderr } = await command({ isJson: true }, { env: { HOME: '/h' } });
    expect([exitCode, stderr]).toEqual([1, '']);
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      cliVersion: '0.3.0',
      runtimeRoot: '/r',
      exitCode: 1,
      checks: BROKEN,
    });
  });

  it('a check that failed to run', async () => {
    fake.run.mockRejectedValue(new SetupError('There is no check "x".', { failureClass: 'conflict' }));
    expect(await command()).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('There is no check "x".'),
    });
    const { stdout } = await command({ isJson: true });
    expect(JSON.parse(stdout).failure).toMatchObject({
      title: 'There is no check "x".',
      untouched: 'Nothing was changed.',
    });
  });

  it('one that was cancelled: 130, and no document', async () => {
    fake.run.mockRejectedValue(new CancelledError());
    expect(await command({ isJson: true })).toMatchObject({ exitCode: 130, stdout: '' });
  });
});

describe('progress on stderr', () => {
  const events: [DoctorEvent, string][] = [
    [{ type: 'checks', checks: [] }, ''],
    [{ type: 'check-waiting', id: 'uv', text: 'hashing' }, '… uv: hashing\n'],
    [{ type: 'repair-plan', plan: { steps: [STEP], reasons: [] } }, `${repairStepLines(STEP).join('\n')}\n`],
    [{ type: 'repair-started', id: 'replace-uv' }, 'repairing: replace-uv\n'],
    [{ type: 'repair-note', id: 'replace-uv', level: 'warning', text: 'w' }, 'warning: w\n'],
    [{ type: 'repair-note', id: 'replace-uv', level: 'info', text: 'i' }, 'i\n'],
    [
      {
        type: 'repair-progress',
        id: 'replace-uv',
        event: { type: 'step', step: 'fetch', status: 'finished' },
      } as DoctorEvent,
      '  fetch done\n',
    ],
    [
      {
        type: 'repair-progress',
        id: 'replace-uv',
        event: { type: 'step', step: 'fetch', status: 'started' },
      } as DoctorEvent,
      '',
    ],
    [{ type: 'repair-progress', id: 'replace-uv', event: { type: 'note', status: 'finished' } } as never, ''],
    [{ type: 'repair-finished', id: 'replace-uv', durationMs: 1500 }, 'done: replace-uv, 1.5 s\n'],
    [{ type: 'repair-failed', id: 'replace-uv', detail: 'd', isRestored: false }, 'failed: replace-uv: d\n'],
    [
      { type: 'repair-failed', id: 'replace-uv', detail: 'd', isRestored: true },
      'failed: replace-uv: d; everything was put back\n',
    ],
  ];
  test.each(events)('%j', async (event, text) => {
    fake.fix.mockImplementation(
      async (_target: unknown, options: { onEvent: (event: DoctorEvent) => void }) => {
        options.onEvent(event);
        return { repairs: [], before: [], after: [] };
      },
    );
    expect((await command({ action: 'fix', isYes: true })).stderr).toBe(text);
  });
});

describe('repairs', () => {
  it('with --yes: carried out, checked again, and how to undo them', async () => {
    const signal = new AbortController().signal;
    const { exitCode, stdout } = await command(
      {
        action: 'fix',
        isYes: true,
        isOffline: true,
        indexUrl: 'https://i.example',
        repairs: ['replace-uv'],
        isDeep: true,
      },
      { signal },
    );
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      `${checkLines([result()]).join('\n')}\nFixed: replace-uv\nUndo it: ktx doctor --undo --yes\n`,
    );
    expect(fake.run).not.toHaveBeenCalled();
    expect(fake.fix).toHaveBeenCalledWith(
      { cliVersion: '0.3.0', runtimeRoot: '/r' },
      {
        isOffline: true,
        indexUrl: 'https://i.example',
        signal,
        costs: ['deep'],
        repairs: ['replace-uv'],
        onEvent: expect.any(Function),
      },
    );
  });

  it('with nothing to fix says so, and there is nothing to undo', async () => {
    fake.fix.mockResolvedValue({ repairs: [], before: BROKEN, after: BROKEN });
    const { exitCode, stdout } = await command({ action: 'fix', isYes: true });
    expect(exitCode).toBe(1);
    expect(stdout.endsWith('\nNothing to fix.\n')).toBe(true);
    expect(fake.fix.mock.lastCall![1]).toEqual({
      isOffline: false,
      signal: undefined,
      costs: [],
      onEvent: expect.any(Function),
    });
  });

  it('as JSON: what was applied', async () => {
    const { stdout, stderr } = await command({ action: 'fix', isYes: true, isJson: true });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 0, checks: [result()], applied: ['replace-uv'] });
    expect(fake.fix.mock.lastCall![1].onEvent).toBeUndefined();
  });

  it('without --yes shows what the findings ask for, and does nothing', async () => {
    const { exitCode, stdout, stderr } = await command({ action: 'fix' });
    expect([exitCode, stderr]).toEqual([1, 'Refusing to fix without --yes.\n']);
    expect(stdout).toBe(`${repairStepLines(STEP).join('\n')}\n`);
    expect(fake.plan).toHaveBeenCalledWith(expect.anything(), ['release-lock', 'replace-uv'], {
      isOffline: false,
      signal: undefined,
      results: BROKEN,
    });
    expect(fake.fix).not.toHaveBeenCalled();
  });

  it('without --yes and with nothing to do is the answer of the checks', async () => {
    fake.plan.mockResolvedValue({ steps: [], reasons: [] });
    fake.run.mockResolvedValue([result()]);
    expect(await command({ action: 'fix' })).toEqual({
      exitCode: 0,
      stdout: 'Nothing to fix.\n',
      stderr: '',
    });
    expect(JSON.parse((await command({ action: 'fix', isJson: true })).stdout)).toMatchObject({
      plan: [],
      exitCode: 0,
    });
  });

  it('that failed say what is as it was', async () => {
    fake.fix.mockRejectedValue(new SetupError('broken', { failureClass: 'disk' }));
    expect((await command({ action: 'fix', isYes: true })).stderr).toMatch(
      /broken[\s\S]*\nAll changes were rolled back\.\n$/,
    );
    const { stdout } = await command({ action: 'fix', isYes: true, isJson: true });
    expect(JSON.parse(stdout).failure.untouched).toBe('All changes were rolled back.');
    fake.fix.mockRejectedValue(
      Object.assign(new SetupError('half', { failureClass: 'disk' }), { name: 'NotPutBackError' }),
    );
    expect((await command({ action: 'fix', isYes: true })).stderr).not.toContain('rolled back');
  });
});

describe('undo', () => {
  it('brings back what the repairs changed', async () => {
    expect(await command({ action: 'undo', isYes: true })).toEqual({
      exitCode: 0,
      stdout: 'Restored: replace-uv, free-space\n',
      stderr: '',
    });
    const { stdout } = await command({ action: 'undo', isYes: true, isJson: true });
    expect(JSON.parse(stdout)).toEqual({ undone: ['replace-uv', 'free-space'] });
  });

  it('is refused without --yes', async () => {
    expect(await command({ action: 'undo' })).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'Refusing to undo without --yes.\n',
    });
    const { stdout, exitCode } = await command({ action: 'undo', isJson: true });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).failure).toMatchObject({ title: 'Refusing to undo without --yes.' });
    expect(stdout).toContain('ktx doctor --undo --json --yes');
    expect(fake.undo).not.toHaveBeenCalled();
  });

  it('that failed promises nothing', async () => {
    fake.undo.mockRejectedValue(new SetupError('There is nothing to undo.', { failureClass: 'conflict' }));
    const { stdout } = await command({ action: 'undo', isYes: true, isJson: true });
    expect(JSON.parse(stdout).failure.untouched).not.toContain('changed');
  });
});

describe('the list', () => {
  it('has a row for each check, with its cost, and for each repair', async () => {
    const { stdout, exitCode } = await command({ action: 'list' });
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`\n${'space'.padEnd(20)}${'offline'.padEnd(9)}Free space: A full disk`);
    expect(stdout).toContain(`\n\nRepairs\n${'mend-permissions'.padEnd(22)}Mend permissions\n`);
    const document = JSON.parse((await command({ action: 'list', isJson: true })).stdout);
    expect(document.schemaVersion).toBe(1);
    expect(document.checks[0]).toEqual({
      id: expect.any(String),
      group: 'Tools',
      label: expect.any(String),
      why: expect.any(String),
      cost: 'offline',
      dependsOn: expect.any(Array),
    });
    expect(document.repairs[0]).toEqual({ id: 'mend-permissions', label: 'Mend permissions' });
  });
});
