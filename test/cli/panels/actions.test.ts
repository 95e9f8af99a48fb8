import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import type { CheckResult, SetupEvent } from '../../../src/core/events.ts';

const fake = vi.hoisted(() => ({
  start: vi.fn(),
  stop: vi.fn(),
  status: vi.fn(),
  target: vi.fn(),
  undo: vi.fn(),
  plan: vi.fn(),
  uninstall: vi.fn(),
  prune: vi.fn(),
  checks: vi.fn(),
  fix: vi.fn(),
  planRepairs: vi.fn(),
  undoRepairs: vi.fn(),
}));
vi.mock('../../../src/embed/start-daemon.ts', () => ({ startManagedPythonDaemon: fake.start }));
vi.mock('../../../src/daemon/stop.ts', () => ({ stopManagedPythonDaemon: fake.stop }));
vi.mock('../../../src/runtime/status.ts', () => ({ readManagedPythonRuntimeStatus: fake.status }));
vi.mock('../../../src/lifecycle/undo.ts', () => ({
  readUndoTarget: fake.target,
  undoManagedPythonRuntime: fake.undo,
}));
vi.mock('../../../src/lifecycle/uninstall.ts', () => ({
  planUninstall: fake.plan,
  uninstallManagedPythonRuntimes: fake.uninstall,
}));
vi.mock('../../../src/lifecycle/prune.ts', () => ({ pruneManagedPythonRuntimes: fake.prune }));
vi.mock('../../../src/doctor/run-list.ts', async (original) => ({
  ...(await original<object>()),
  runCheckList: fake.checks,
}));
vi.mock('../../../src/doctor/repair-run.ts', () => ({
  fixRuntime: fake.fix,
  planRepairs: fake.planRepairs,
  undoRepairs: fake.undoRepairs,
}));
const { previewAction, runAction } = await import('../../../src/cli/panels/actions.ts');
const doctor = await import('../../../src/cli/panels/doctor.ts');

const SETUP = { cliVersion: '0.3.0', features: ['core' as const], runtimeRoot: '/r', env: {}, homeDir: '/h' };
const PLACE = { projectDir: '/p', cwd: '/p' };
const NEW = { features: ['core'], installedAt: '2026-03-04T05:06:07', environmentDir: '/r/new' };
const OLD = {
  features: ['core', 'local-embeddings'],
  installedAt: '2026-11-20T12:34:00',
  environmentDir: '/r/old',
};
beforeEach(() => {
  for (const each of Object.values(fake)) each.mockReset();
});

describe('start', () => {
  const daemon = {
    baseUrl: 'http://127.0.0.1:1',
    state: { pid: 7, features: ['core', 'local-embeddings'], stderrLog: '/log' },
  };
  test.each([
    ['started', 'The ktx daemon is running'],
    ['reused', 'The ktx daemon is already running'],
  ])('%s', async (status, title) => {
    fake.status.mockResolvedValue({ manifest: { features: ['core', 'local-embeddings'] } });
    fake.start.mockResolvedValue({ ...daemon, status });
    expect(await previewAction('start', SETUP)).toEqual({ lines: [], question: 'Start it?' });
    expect(await runAction('start', SETUP, PLACE)).toEqual({
      isOk: true,
      title,
      lines: [
        'http://127.0.0.1:1 · process 7 · core, local-embeddings',
        'log: /log',
        'Stop it: ktx admin runtime stop',
      ],
    });
    expect(fake.start).toHaveBeenCalledWith({
      ...SETUP,
      projectDir: '/p',
      features: ['core', 'local-embeddings'],
      note: expect.any(Function),
    });
  });

  test.each([null, undefined])('needs a runtime (%s)', async (manifest) => {
    fake.status.mockResolvedValue({ manifest });
    await expect(runAction('start', SETUP, PLACE)).rejects.toMatchObject({
      message: 'No runtime is installed, so no daemon can be started.',
      failureClass: 'conflict',
    });
    expect(fake.start).not.toHaveBeenCalled();
  });

  it('passes on what is noted on the way', async () => {
    fake.status.mockResolvedValue({ manifest: { features: ['core'] } });
    fake.start.mockImplementation(async ({ note }: { note: (level: string, text: string) => void }) => {
      note('warning', 'careful');
      return { ...daemon, status: 'started' };
    });
    const events: SetupEvent[] = [];
    await runAction('start', { ...SETUP, onEvent: (event) => void events.push(event) }, PLACE);
    expect(events).toEqual([
      { at: expect.any(String), type: 'note', step: 'switch', level: 'warning', text: 'careful' },
    ]);
  });
});

describe('stop', () => {
  const STOPPED = 'The ktx daemon is stopped';
  const NONE = 'No ktx daemon was running';
  test.each([
    ['stopped', undefined, STOPPED],
    ['stopped', false, NONE],
    ['already-stopped', undefined, NONE],
    ['already-stopped', true, STOPPED],
  ])('%s, was running: %s', async (status, wasRunning, title) => {
    const { signal } = new AbortController();
    fake.stop.mockResolvedValue({
      status,
      state: { pid: 7 },
      ...(wasRunning !== undefined && { wasRunning }),
    });
    expect(await previewAction('stop', SETUP)).toEqual({ lines: [], question: 'Stop it?' });
    expect(await runAction('stop', { ...SETUP, assetDir: '/a', signal }, PLACE)).toEqual({
      isOk: true,
      title,
      lines: ['process 7', 'Start it: ktx admin runtime start'],
    });
    const given = { cliVersion: '0.3.0', runtimeRoot: '/r', projectDir: '/p', assetDir: '/a', signal };
    expect(fake.stop).toHaveBeenCalledWith(given);
  });

  it('without a state names no process, and looks below the home folder', async () => {
    fake.stop.mockResolvedValue({ status: 'already-stopped', state: null });
    const setup = { cliVersion: '0.3.0', features: ['core' as const], env: {}, homeDir: '/h' };
    const { lines } = await runAction('stop', setup, PLACE);
    expect(lines).toEqual(['Start it: ktx admin runtime start']);
    const place = { cliVersion: '0.3.0', runtimeRoot: '/h/.ktx/runtime', projectDir: '/p' };
    expect(fake.stop).toHaveBeenCalledWith(place);
  });
});

describe('undo', () => {
  test.each([
    ['back', 'Go back to', 'Switched back to', 'Switch forward again'],
    ['forward', 'Go forward to', 'Switched forward to', 'Switch back again'],
  ])('%s', async (direction, question, title, again) => {
    fake.target.mockResolvedValue({ direction, from: NEW, to: OLD });
    fake.undo.mockResolvedValue({ direction, from: NEW, to: OLD });
    expect(await previewAction('undo', SETUP)).toEqual({
      lines: [
        'Now: core, installed 2026-03-04 05:06, in /r/new',
        'After switching: core + local-embeddings, installed 2026-11-20 12:34, in /r/old',
        'It is tested before it is used. Nothing is downloaded, and you can undo this too.',
      ],
      question: `${question} the environment of 2026-11-20 12:34?`,
    });
    expect(await runAction('undo', SETUP, PLACE)).toEqual({
      isOk: true,
      title: `${title} the environment of 2026-11-20 12:34`,
      lines: [
        'core + local-embeddings, installed 2026-11-20 12:34, in /r/old',
        `${again}: ktx admin runtime undo`,
      ],
    });
  });

  test('from none that works, and to none', async () => {
    fake.target.mockResolvedValue({ direction: 'back', from: null, to: OLD });
    expect((await previewAction('undo', SETUP)).lines[0]).toBe('Now: none that works');
    fake.target.mockResolvedValue(null);
    expect(await previewAction('undo', SETUP)).toEqual({
      lines: ['There is no other environment of this version: nothing was installed over another one.'],
      question: null,
    });
  });
});

describe('remove', () => {
  const plan = {
    runtimeRoot: '/r',
    parts: [] as object[],
    sizeBytes: 0,
    foreign: [] as object[],
    others: [] as string[],
    daemons: [] as object[],
  };
  test('what will go, what is stopped, and what stays', async () => {
    fake.plan.mockResolvedValue({
      ...plan,
      parts: [
        { what: 'runtime 0.3.0', sizeBytes: 85_000_000, paths: [] },
        { what: 'nothing', sizeBytes: 0, paths: [] },
      ],
      sizeBytes: 85_000_000,
      daemons: [{ pid: 7, command: '' }],
      others: ['/r/acme'],
      foreign: [{ path: '/r/notes', sizeBytes: 3, reason: 'ktx did not make it' }],
    });
    expect(await previewAction('remove', SETUP)).toEqual({
      lines: [
        'To be deleted under /r:',
        '     85 MB  runtime 0.3.0',
        '     85 MB  in all',
        '  to be stopped: ktx daemon, process 7',
        'kept: /r/acme, the runtime of another program',
        'kept: /r/notes (3 B), ktx did not make it',
      ],
      question: 'Delete all this? It cannot be undone; a new setup installs it again.',
    });
  });

  test('nothing there', async () => {
    fake.plan.mockResolvedValue({ ...plan, others: ['/r/acme'] });
    expect(await previewAction('remove', SETUP)).toEqual({
      lines: ['/r holds no ktx files.', 'kept: /r/acme, the runtime of another program'],
      question: null,
    });
  });

  test.each([
    [[], [], true, ['Nothing of ktx is left there.']],
    [[7], [], true, ['Stopped 1 ktx daemon', 'Nothing of ktx is left there.']],
    [[7, 8], [{ path: '/r/x', reason: 'in use' }], false, ['Stopped 2 ktx daemons', 'left: /r/x, in use']],
  ])('stopped %j, left %j', async (stoppedPids, left, isOk, lines) => {
    fake.uninstall.mockResolvedValue({ removedBytes: 85_000_000, runtimeRoot: '/r', left, stoppedPids });
    expect(await runAction('remove', SETUP, PLACE)).toEqual({ isOk, title: '85 MB removed from /r', lines });
  });
});

describe('prune', () => {
  const unneeded = [
    { part: 'uv', path: '/r/uv/0.1', sizeBytes: 1_000_000 },
    { part: 'models', path: '/r/m', sizeBytes: 2_000_000 },
    { part: 'wheels', path: '/r/w', sizeBytes: 3_000_000 },
  ];
  const words = (heading: string) => [
    `${heading}: 6.0 MB`,
    '  1.0 MB  old uv  /r/uv/0.1',
    '  2.0 MB  old model  /r/m',
    '  3.0 MB  old download  /r/w',
  ];
  const asked = { cliVersion: '0.3.0', runtimeRoot: '/r' };

  test('older versions, what only they used, and one that is in use', async () => {
    fake.prune.mockResolvedValue({
      stale: ['/r/0.1.0', '/r/0.2.0'],
      kept: ['/r/0.3.0', '/r/0.2.9'],
      unneeded,
    });
    expect(await previewAction('prune', SETUP)).toEqual({
      lines: [
        '/r/0.1.0',
        '/r/0.2.0',
        ...words('No longer needed'),
        '0.2.9 is kept: something runs from it.',
        'An older ktx that is used again installs its own runtime again.',
      ],
      question: 'Delete 0.1.0, 0.2.0, what is no longer needed?',
    });
    expect(fake.prune).toHaveBeenCalledWith({ ...asked, dryRun: true });
  });

  test('only one in use', async () => {
    fake.prune.mockResolvedValue({ stale: [], kept: ['/r/0.3.0', '/r/0.2.9'] });
    expect(await previewAction('prune', SETUP)).toEqual({
      lines: ['There is no older version to remove.', '0.2.9 is kept: something runs from it.'],
      question: null,
    });
  });

  test.each([
    [['/r/0.1.0'], undefined, '1 older version removed', []],
    [
      ['/r/0.1.0', '/r/0.2.0'],
      unneeded,
      '2 older versions removed',
      words('Removed what was no longer needed'),
    ],
  ])('removed %j', async (removed, left, title, more) => {
    const { signal } = new AbortController();
    fake.prune.mockResolvedValue({ removed, unneeded: left });
    expect(await runAction('prune', { ...SETUP, assetDir: '/a', signal }, PLACE)).toEqual({
      isOk: true,
      title,
      lines: [...removed, ...more],
    });
    expect(fake.prune).toHaveBeenCalledWith({ ...asked, assetDir: '/a', signal, note: expect.any(Function) });
  });
});

describe('the doctor of the wizard', () => {
  const onEvent = () => {};
  const target = { cliVersion: '0.3.0', projectDir: '/p', runtimeRoot: '/r', env: {}, homeDir: '/h' };
  const costsOf = () => [
    ...new Set((fake.checks.mock.lastCall![0] as { cost: string }[]).map(({ cost }) => cost)),
  ];
  const ids = () => (fake.checks.mock.lastCall![0] as { id: string }[]).map(({ id }) => id);

  test.each([
    [[], true, ['offline'], false, false],
    [[], false, ['offline', 'deep'], true, false],
    [['network'], true, ['offline', 'network'], false, false],
    [['deep'], true, ['offline', 'deep'], true, true],
  ] as const)('costs %j, proven %s: %j', async (costs, isProven, expected, hasDaemon, isDeep) => {
    await doctor.runChecks(SETUP, { costs, isProven, onEvent }, PLACE);
    expect(costsOf().sort()).toEqual([...expected].sort());
    expect(ids().includes('daemon')).toBe(hasDaemon);
    if (costs.length === 0) expect(ids().filter((id) => id === 'digests')).toEqual([]);
    expect(fake.checks.mock.lastCall!.slice(1)).toEqual([target, { signal: undefined, onEvent, isDeep }]);
  });

  it('plans, repairs and undoes with the options of the setup', async () => {
    const { signal } = new AbortController();
    const setup = { ...SETUP, assetDir: '/a', isOffline: true, indexUrl: 'https://i.example', signal };
    const results = [{ id: 'uv', status: 'fail', repairs: ['replace-uv'] }] as unknown as CheckResult[];
    const options = { signal, isOffline: true, indexUrl: 'https://i.example' };
    const place = { ...target, assetDir: '/a' };
    await doctor.planRepair(results, setup, PLACE);
    expect(fake.planRepairs).toHaveBeenCalledWith(place, ['replace-uv'], { ...options, results });
    await doctor.repair(setup, { costs: ['deep'], isProven: false, onEvent }, PLACE);
    expect(fake.fix).toHaveBeenCalledWith(place, { ...options, costs: ['deep'], onEvent });
    await doctor.undoRepair(setup, PLACE);
    expect(fake.undoRepairs).toHaveBeenCalledWith(place, { signal });
  });

  it('leaves out what the setup does not say', async () => {
    const setup = { cliVersion: '0.3.0', features: ['core' as const] };
    await doctor.planRepair([], setup, PLACE);
    expect(fake.planRepairs).toHaveBeenCalledWith({ cliVersion: '0.3.0', projectDir: '/p' }, [], {
      signal: undefined,
      results: [],
    });
    await doctor.undoRepair(setup, PLACE);
    expect(fake.undoRepairs).toHaveBeenCalledWith({ cliVersion: '0.3.0', projectDir: '/p' }, {});
  });
});
