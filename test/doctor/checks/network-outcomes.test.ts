import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import type { CheckContext } from '../../../src/doctor/checks/context.ts';
import { NETWORK_CHECKS } from '../../../src/doctor/checks/network.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { otherRemedy } from '../../../src/support/remedies.ts';

const fake = vi.hoisted(() => ({
  describe: vi.fn(),
  ask: vi.fn(),
  open: vi.fn(),
  get: vi.fn(),
  close: vi.fn(),
}));
vi.mock('../../../src/setup/session/network-settings.ts', () => ({ describeNetwork: fake.describe }));
vi.mock('../../../src/setup/session/source-probes.ts', () => ({ askEverySource: fake.ask }));
vi.mock('../../../src/setup/session/network-session.ts', () => ({ openNetworkSession: fake.open }));

const HOST = { platform: 'linux', arch: 'x64', libc: 'gnu', glibcVersion: '2.36' };
const artefact = (file: string, bytes: number) => ({ file, kind: 'wheel', bytes, unpackedBytes: null });
const LOCK = {
  python: { version: '3.13.1', archives: {} },
  targets: {
    'linux-x64-gnu-cp313': {
      minimum: {},
      features: { core: ['a', 'b'], 'local-embeddings': ['a', 'b', 'c'] },
    },
  },
  artefacts: {
    a: artefact('small.whl', 1),
    b: artefact('large.whl', 9),
    c: artefact('other.whl', 99),
    m: artefact('model.tar', 5),
  },
  models: { 'local-embeddings': { files: [], container: { artefact: 'm' } } },
};
const session = {
  profile: { indexes: [{ url: 'https://index.example/simple' }] },
  client: { get: fake.get },
  close: fake.close,
};

let waits: string[];
beforeEach(() => {
  for (const each of Object.values(fake)) each.mockReset();
  fake.open.mockResolvedValue(session);
  waits = [];
});

function run(id: string, lock: object | null = LOCK) {
  const context = {
    env: { A: '1' },
    homeDir: '/h',
    layout: { runtimeRoot: '/r' },
    facts: { lockedAsset: async () => lock && { lock }, host: async () => HOST },
    signal: new AbortController().signal,
    waitFor: (text: string) => waits.push(text),
  } as unknown as CheckContext;
  return NETWORK_CHECKS.find((check) => check.id === id)!.run(context);
}

test.each([
  ['one', { lines: ['a'], warnings: [] }, { status: 'pass', detail: '1 setting' }],
  ['two', { lines: ['a', 'b'], warnings: [] }, { status: 'pass', detail: '2 settings' }],
  [
    'ignored ones',
    { lines: ['a'], warnings: ['first', 'second'] },
    { status: 'warn', detail: 'first', fix: 'ktx admin network show' },
  ],
])('settings: %s', async (_, overview, outcome) => {
  fake.describe.mockResolvedValue(overview);
  expect(await run('network-settings')).toEqual(outcome);
  expect(fake.describe).toHaveBeenCalledWith(
    { env: { A: '1' }, homeDir: '/h', runtimeRoot: '/r' },
    { isForSetup: true },
  );
});

test('settings that cannot be used', async () => {
  fake.describe.mockRejectedValue(new Error('HTTPS_PROXY is no address'));
  expect(await run('network-settings')).toEqual({
    status: 'fail',
    detail: 'HTTPS_PROXY is no address',
    fix: 'ktx admin network show',
  });
});

const able = { label: 'your index', failure: null };
const failure = new SetupError('cannot be reached', {
  failureClass: 'network',
  evidence: ['one', 'two', 'three'],
  remedies: [otherRemedy('Ask for it'), otherRemedy('Other')],
});
test.each([
  ['index', 'large.whl'],
  ['model-source', 'model.tar'],
])('%s asks for one file as a sample of the rest: %s', async (id, file) => {
  fake.ask.mockResolvedValue([{ label: 'first', failure }, able]);
  expect(await run(id)).toEqual({ status: 'pass', detail: `your index has ${file}` });
  expect(waits).toEqual([`asking for ${file}`]);
  expect(fake.ask.mock.lastCall?.[0]).toBe(session);
  expect(fake.open).toHaveBeenCalledWith({ env: { A: '1' }, homeDir: '/h', runtimeRoot: '/r', lock: LOCK });
  expect(fake.close).toHaveBeenCalledOnce();
});

test('the source of uv is asked for the wheel of this machine', async () => {
  fake.ask.mockResolvedValue([able]);
  expect(await run('uv-source')).toMatchObject({
    status: 'pass',
    detail: expect.stringMatching(/ has uv-.*\.whl$/),
  });
});

test('a file that no source has: the first failure, two lines of evidence and its next step', async () => {
  fake.ask.mockResolvedValue([
    { label: 'first', failure },
    { label: 'second', failure: new Error('x') },
  ]);
  expect(await run('index')).toEqual({
    status: 'fail',
    detail: 'cannot be reached · one · two',
    fix: failure.nextSteps[0],
  });
  fake.ask.mockResolvedValue([]);
  expect(await run('index')).toEqual({ status: 'skipped', detail: 'no source is set' });
});

test('a source that breaks down ends the session all the same', async () => {
  fake.ask.mockRejectedValue(new Error('ended'));
  await expect(run('index')).rejects.toThrow('ended');
  expect(fake.close).toHaveBeenCalledOnce();
});

test.each<[string, string, object | null]>([
  ['no lock', 'index', null],
  ['a lock for other machines', 'index', { ...LOCK, targets: {} }],
  ['a lock without a model', 'model-source', { ...LOCK, models: {} }],
  ['a lock without models', 'model-source', { ...LOCK, models: undefined }],
])('%s: nothing is asked', async (_, id, lock) => {
  expect(await run(id, lock)).toEqual({ status: 'skipped', detail: 'nothing is fetched from there' });
  expect(fake.open).not.toHaveBeenCalled();
});

const NOW = Date.parse('2026-01-02T03:04:05Z');
test.each([
  [0, 'pass', '0 s apart'],
  [599, 'pass', '599 s apart'],
  [600, 'pass', '600 s apart'],
  [-600, 'pass', '600 s apart'],
  [601, 'warn', "This machine's clock is 601 s ahead"],
  [-601, 'warn', "This machine's clock is 601 s behind"],
])('a clock %d s ahead of that of the index', async (skew, status, detail) => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  onTestFinished(() => void vi.useRealTimers());
  const discard = vi.fn();
  fake.get.mockResolvedValue({
    headers: new Headers({ date: new Date(NOW - skew * 1000).toUTCString() }),
    discard,
  });
  const fix = status === 'warn' ? { fix: "Set this machine's clock" } : {};
  expect(await run('server-clock')).toEqual({ status, detail, ...fix });
  expect(fake.get).toHaveBeenCalledWith('https://index.example/simple', {
    signal: expect.anything(),
    isPage: true,
  });
  expect(discard).toHaveBeenCalledOnce();
  expect(fake.close).toHaveBeenCalledOnce();
});

test('an index that does not say the time, that fails, or that is not set', async () => {
  fake.get.mockResolvedValue({ headers: new Headers(), discard: async () => {} });
  expect(await run('server-clock')).toEqual({
    status: 'could-not-check',
    detail: 'https://index.example/simple does not say the time',
  });
  fake.get.mockRejectedValue(new Error('no route'));
  expect(await run('server-clock')).toEqual({ status: 'could-not-check', detail: 'no route' });
  fake.open.mockResolvedValue({ ...session, profile: { indexes: [] } });
  expect(await run('server-clock', null)).toEqual({ status: 'skipped', detail: 'no package index is set' });
  expect(fake.open).toHaveBeenLastCalledWith({
    env: { A: '1' },
    homeDir: '/h',
    runtimeRoot: '/r',
    lock: null,
  });
  expect(fake.close).toHaveBeenCalledTimes(3);
});
