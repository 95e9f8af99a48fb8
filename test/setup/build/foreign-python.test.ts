import { beforeEach, expect, it, test, vi } from 'vitest';
import type { SetupEventBody } from '../../../src/core/events.ts';
import type { PythonChoice } from '../../../src/python/python-choice.ts';
import type { InstallRun } from '../../../src/setup/build/install-run.ts';
import { CancelledError, SetupError } from '../../../src/support/errors.ts';
import type { UvRunner } from '../../../src/uv/runner.ts';

const fake = vi.hoisted(() => ({ system: vi.fn() }));
vi.mock('../../../src/python/python-choice.ts', async (original) => ({
  ...(await original<object>()),
  systemPythonFor: fake.system,
}));
const { takeForeignPython } = await import('../../../src/setup/build/foreign-python.ts');

let events: SetupEventBody[];
let asked: string[];
beforeEach(() => {
  events = [];
  asked = [];
  fake.system.mockReset().mockResolvedValue({ version: '3.12.1', path: '/usr/bin/python3' });
});

const UV_FAILED = new SetupError('uv has none', { failureClass: 'network' });

function take(choice: PythonChoice, change: { isKept?: boolean; uv?: unknown; exec?: object } = {}) {
  const run = {
    plan: {
      foreignPython: { choice, isKept: change.isKept ?? false },
      asset: { requiresPython: { specifier: '>=3.11', minimumVersion: '3.11' } },
      host: 'host',
    },
    env: {},
    tools: change.exec ? { exec: change.exec } : {},
    emit: (event: SetupEventBody) => events.push(event),
  } as unknown as InstallRun;
  const uv = {
    run: async (_step: string, args: string[]) => {
      asked.push(args.join(' '));
      if (change.uv) throw change.uv;
    },
  } as unknown as UvRunner;
  return takeForeignPython(run, uv);
}

test.each<[string, PythonChoice, string]>([
  ['auto', 'auto', '3.11'],
  ['managed', 'managed', '3.11'],
  ['a version', { version: '3.13' }, '3.13'],
])('%s: one that uv has or downloads', async (_, choice, version) => {
  expect(await take(choice)).toBe(version);
  expect(asked[0]).toContain(version);
  expect([events, fake.system.mock.calls]).toEqual([[], []]);
});

test.each<[string, PythonChoice]>([
  ['system', 'system'],
  ['a path', { path: '/usr/bin/python3' }],
])('%s: uv is not asked', async (_, choice) => {
  expect(await take(choice)).toBe('/usr/bin/python3');
  expect(asked).toEqual([]);
  expect(events).toEqual([
    {
      type: 'lines',
      step: 'python',
      stream: 'ktx',
      lines: ['Using Python 3.12.1 of the system: /usr/bin/python3'],
    },
  ]);
  expect(fake.system).toHaveBeenCalledWith(choice, [], expect.objectContaining({ host: 'host', env: {} }));
});

it('auto takes that of the system where uv has none', async () => {
  expect(await take('auto', { uv: UV_FAILED })).toBe('/usr/bin/python3');
  expect(fake.system.mock.lastCall?.slice(0, 2)).toEqual(['system', ['uv has none']]);
});

it('what uv says stays the failure when the system has none either', async () => {
  fake.system.mockRejectedValue(new SetupError('tried three', { failureClass: 'platform' }));
  await expect(take('auto', { uv: UV_FAILED })).rejects.toBe(UV_FAILED);
  expect(events).toEqual([{ type: 'note', step: 'python', level: 'warning', text: 'tried three' }]);
});

test.each<[string, PythonChoice, object]>([
  ['managed was asked for', 'managed', { uv: UV_FAILED }],
  ['the caller runs the commands', 'auto', { uv: UV_FAILED, exec: {} }],
])('looks no further where %s', async (_, choice, change) => {
  await expect(take(choice, change)).rejects.toBe(UV_FAILED);
  expect(fake.system).not.toHaveBeenCalled();
});

it('a cancelled run is cancelled, wherever it is', async () => {
  await expect(take('auto', { uv: new CancelledError() })).rejects.toThrow(CancelledError);
  expect(fake.system).not.toHaveBeenCalled();
  fake.system.mockRejectedValue(new CancelledError());
  await expect(take('auto', { uv: UV_FAILED })).rejects.toThrow(CancelledError);
  expect(events).toEqual([]);
});

it('one that an earlier setup chose is given up with a word', async () => {
  fake.system.mockRejectedValue(new SetupError('it is gone', { failureClass: 'platform' }));
  expect(await take({ path: '/opt/python' }, { isKept: true })).toBe('3.11');
  expect(events).toEqual([
    {
      type: 'note',
      step: 'python',
      level: 'warning',
      text: 'The Python chosen for this runtime earlier cannot be used: it is gone',
    },
  ]);
  await expect(take({ path: '/opt/python' })).rejects.toThrow('it is gone');
  fake.system.mockRejectedValue(new TypeError('a bug'));
  await expect(take('system', { isKept: true })).rejects.toThrow('a bug');
});
