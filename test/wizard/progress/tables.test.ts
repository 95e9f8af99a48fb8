import { describe, expect, it } from 'vitest';
import type { CheckResult, PlanSummary, SetupEventBody } from '../../../src/core/events.ts';
import { nextPace, paceOfLoad, remainingMs } from '../../../src/wizard/progress/estimate.ts';
import {
  activeTransfers,
  advanceProgress,
  artefactName,
  awaitedPlace,
  currentStep,
  type InstallProgress,
  silentForMs,
  startProgress,
  stepDetail,
  tickProgress,
} from '../../../src/wizard/progress/progress.ts';
import { stagesOf } from '../../../src/wizard/progress/stages.ts';
import { START_MS, told } from '../../fixtures/wizard-states.ts';
import { DEMO_PLAN } from '../../pty/demo-data.ts';

const MB = 1_000_000;
const row = (id: PlanSummary['rows'][number]['id'], place: string, sizeBytes: number) => ({
  ...DEMO_PLAN.rows[0]!,
  id,
  place,
  action: 'fetch' as const,
  downloadBytes: sizeBytes,
  diskBytes: null,
});
const plan: PlanSummary = {
  ...DEMO_PLAN,
  features: ['core'],
  downloadBytes: 10 * MB,
  fileCount: 3,
  rows: [
    row('uv', 'releases.internal', 15 * MB),
    row('python', 'builds.internal and another', 30 * MB),
    row('packages', 'pypi.internal', 10 * MB),
    row('model', 'hub.internal', 88 * MB),
    { ...row('environment', '/envs', 0), diskBytes: 90 * MB },
  ],
};
const bytes = (file: string, doneBytes: number, totalBytes: number | null = 5 * MB): SetupEventBody => ({
  type: 'bytes',
  step: 'fetch',
  file,
  artefactKind: 'wheel',
  doneBytes,
  totalBytes,
});
const arrived = (file: string, sizeBytes: number, isCached = false): SetupEventBody => ({
  type: 'artefact',
  step: 'fetch',
  file,
  artefactKind: 'wheel',
  sha256: 'a'.repeat(64),
  sizeBytes,
  place: 'pypi.internal',
  isCached,
});
const check: CheckResult = { id: 'a', group: 'b', label: 'c', status: 'pass', detail: '', durationMs: 1 };
const step = (name: 'fetch' | 'python' | 'packages' | 'prove' | 'switch', status: 'started' | 'finished') =>
  ({ type: 'step', step: name, status }) satisfies SetupEventBody;

/** An installation by the clock; a number is the pace that a tick tells of. */
const EVENTS: readonly (readonly [afterMs: number, SetupEventBody | number | 'tick'])[] = [
  [0, step('fetch', 'started')],
  [100, bytes('a', 0)],
  [700, bytes('a', 1 * MB)],
  [1100, bytes('a', 1.1 * MB)],
  [1200, bytes('b', 1 * MB, null)],
  [1999, 'tick'],
  [2000, 'tick'],
  [2200, bytes('a', 3 * MB)],
  [3200, bytes('a', 2 * MB)],
  [4200, 'tick'],
  [9200, 'tick'],
  [9300, 4],
  [12_300, 4],
  [12_400, arrived('c', 9 * MB, true)],
  [12_900, arrived('a', 5 * MB)],
  [13_000, arrived('b', 5 * MB)],
  [13_100, 'tick'],
  [13_400, step('fetch', 'finished')],
  [13_410, step('python', 'started')],
  [13_900, 'tick'],
  [16_000, step('python', 'finished')],
  [16_010, step('packages', 'started')],
  [17_000, { type: 'uv', step: 'packages', phase: 'prepared', count: 3, name: null, durationMs: 1 }],
  [17_100, 1],
  [17_500, step('packages', 'finished')],
  [17_510, step('prove', 'started')],
  [19_000, { type: 'check', check }],
  [19_100, step('prove', 'finished')],
  [19_110, step('switch', 'started')],
  [19_300, 'tick'],
  [19_400, step('switch', 'finished')],
];

it('what the bar and the clock say in the course of an installation', async () => {
  const lines: string[] = [];
  for (const features of [['core'], ['core', 'local-embeddings']] as const) {
    let progress = startProgress({ ...plan, features: [...features] }, START_MS, 1.5);
    for (const [afterMs, event] of EVENTS) {
      const nowMs = START_MS + afterMs;
      if (event === 'tick') progress = tickProgress(progress, nowMs);
      else if (typeof event === 'number') progress = tickProgress(progress, nowMs, event);
      else progress = advanceProgress(progress, told(event, afterMs));
      const left = remainingMs(progress, nowMs);
      const speed = progress.bytesPerSecond;
      const row = [
        `${afterMs}`.padStart(6),
        `${progress.doneBytes / MB} MB`.padStart(8),
        `${speed === null ? '-' : Math.round(speed)}`.padStart(8),
        `${left === null ? '-' : Math.round(left)}`.padStart(8),
        progress.share.toFixed(4),
        progress.pace.toFixed(3),
        typeof event === 'object' ? `${event.type} ${'step' in event ? event.step : ''}` : `${event}`,
      ];
      lines.push(row.join('  ').trimEnd());
    }
    lines.push('');
  }
  await expect(lines.join('\n')).toMatchFileSnapshot('tables/estimates.txt');
});

it('begins with what the plan says', () => {
  const { stages: _, ...begun } = startProgress(plan, START_MS);
  expect(begun).toEqual({
    startedAtMs: START_MS,
    steps: ['fetch', 'python', 'packages', 'prove', 'switch'].map((name) => ({
      step: name,
      status: 'waiting',
      startedAtMs: null,
      durationMs: null,
      detail: '',
    })),
    files: new Map(),
    fileCount: 3,
    totalBytes: 10 * MB,
    doneBytes: 0,
    bytesPerSecond: null,
    speedSample: null,
    lastByteAtMs: null,
    pace: 1,
    paceAtMs: START_MS,
    places: {
      uv: 'releases.internal',
      python: 'builds.internal',
      wheel: 'pypi.internal',
      model: 'hub.internal',
    },
    share: 0,
  });
  const here = plan.rows.map((each) => ({ ...each, action: 'here' as const }));
  expect(startProgress({ ...plan, rows: here }, START_MS).places).toEqual({});
});

describe('what the stages of a plan cost', () => {
  const costs = (change: Partial<PlanSummary>) =>
    Object.fromEntries(stagesOf({ ...plan, ...change }).map(({ id, costMs }) => [id, Math.round(costMs)]));
  const without = {
    store: 30,
    python: 0,
    prepare: 300,
    install: 40,
    'first-result': 400,
    results: 30,
    switch: 50,
  };
  it('by the sizes of their rows', () => {
    expect(costs({})).toEqual({ ...without, store: 830, python: 200, prepare: 900, install: 100 });
    const rows = plan.rows.map((each) => ({
      ...each,
      diskBytes: each.id === 'uv' ? 300 * MB : each.diskBytes,
    }));
    expect(costs({ rows })['store']).toBe(2030);
  });
  it('without rows, with rows that are here, and with sizes that nobody knows', () => {
    expect(costs({ rows: [] })).toEqual(without);
    expect(costs({ rows: plan.rows.map((each) => ({ ...each, action: 'here' })) })).toEqual(without);
    const unknown = plan.rows.map((each) => ({ ...each, downloadBytes: null, diskBytes: null }));
    expect(costs({ rows: unknown })).toEqual(without);
  });
  it('more with embeddings', () => {
    const features = ['core', 'local-embeddings'];
    expect(costs({ rows: [], features })).toEqual({ ...without, 'first-result': 500, results: 400 });
  });
});

it.each([
  [0, 2, 1],
  [2, 2, 1],
  [4, 2, 2 ** 0.65],
  [4, 0, 4 ** 0.65],
])('a machine with %i runnable processes on %i processors is slower by %d', (load, processors, pace) => {
  expect(paceOfLoad(load, processors)).toBeCloseTo(pace, 10);
});

it('a pace is forgotten with a memory of three seconds, and not by a clock that goes back', () => {
  const at = { ...startProgress(plan, START_MS), pace: 2 };
  expect(nextPace(at, 1, START_MS + 3000)).toBeCloseTo(2 ** Math.exp(-1), 10);
  expect(nextPace(at, 1, START_MS - 3000)).toBe(2);
});

const progressed = (...events: SetupEventBody[]): InstallProgress =>
  events.reduce(
    (progress, body, index) => advanceProgress(progress, told(body, index)),
    startProgress(plan, START_MS),
  );

describe('the words of uv', () => {
  const uv = (phase: string, count: number | null, name: string | null = null): SetupEventBody =>
    ({ type: 'uv', step: 'packages', phase, count, name, durationMs: null }) as SetupEventBody;
  it.each([
    ['resolved', 29, null, 'resolved 29 packages'],
    ['prepared', 1, null, 'prepared 1 package'],
    ['installed', 2, null, 'installed 2 packages'],
    ['checked', 0, null, 'checked 0 packages'],
    ['python-installed', null, 'cpython-3.13', 'cpython-3.13'],
    ['creating-environment', null, null, 'creating the environment'],
    // Nothing to say: what was there stays.
    ['python-installed', null, null, 'before'],
    ['resolved', null, null, 'before'],
    ['downloading', 3, null, 'before'],
  ])('%s %s %s: %s', (phase, count, name, detail) => {
    const note: SetupEventBody = { type: 'note', step: 'packages', level: 'info', text: 'before' };
    const progress = progressed(step('packages', 'started'), note, uv(phase, count, name));
    expect(currentStep(progress).detail).toBe(detail);
  });
  it('a warning is no detail, and what belongs to another step is not of this one', () => {
    const warning: SetupEventBody = { type: 'note', step: 'packages', level: 'warning', text: 'careful' };
    const other: SetupEventBody = { type: 'note', step: 'python', level: 'info', text: 'other' };
    const progress = progressed(step('packages', 'started'), warning, other);
    expect(currentStep(progress).detail).toBe('');
    expect(progress.steps.find((each) => each.step === 'python')?.detail).toBe('other');
  });
});

describe('a step', () => {
  it('that ends without a duration took as long as it took, one that never began has none', () => {
    const took = advanceProgress(progressed(step('python', 'started')), told(step('python', 'finished'), 70));
    expect(currentStep(took)).toEqual({
      step: 'python',
      status: 'finished',
      startedAtMs: START_MS,
      durationMs: 70,
      detail: '',
    });
    expect(currentStep(progressed(step('python', 'finished')))).toMatchObject({
      startedAtMs: null,
      durationMs: null,
    });
  });
  it('keeps the words it ended with, or those before', () => {
    const failed: SetupEventBody = {
      type: 'step',
      step: 'python',
      status: 'failed',
      detail: 'no',
      durationMs: 5,
    };
    const began: SetupEventBody = { type: 'step', step: 'python', status: 'started', detail: 'begins' };
    expect(currentStep(progressed(began))).toMatchObject({ status: 'running', detail: 'begins' });
    expect(currentStep(progressed(began, step('python', 'finished')))).toMatchObject({ detail: 'begins' });
    expect(currentStep(progressed(began, failed))).toMatchObject({
      status: 'failed',
      durationMs: 5,
      detail: 'no',
    });
  });
  it('is the running one, else the failed, else the last that is over, else the first', () => {
    const failed: SetupEventBody = {
      type: 'step',
      step: 'python',
      status: 'failed',
      detail: 'no',
      durationMs: 5,
    };
    expect(currentStep(progressed()).step).toBe('fetch');
    expect(currentStep(progressed(step('fetch', 'finished'), step('python', 'finished'))).step).toBe(
      'python',
    );
    expect(currentStep(progressed(step('packages', 'finished'), failed)).step).toBe('python');
    expect(currentStep(progressed(failed, step('fetch', 'started'))).step).toBe('fetch');
  });
});

describe('the words beside the transfer', () => {
  const words = (change: Partial<InstallProgress>, ...events: SetupEventBody[]) => {
    const progress = { ...progressed(step('fetch', 'started'), ...events), ...change };
    return stepDetail(progress, progress.steps[0]!);
  };
  it.each<[string, Partial<InstallProgress>, SetupEventBody[], string]>([
    ['nothing yet', {}, [], ''],
    ['files of a known number', {}, [arrived('a-1-x.whl', 1)], '1 of 3 files'],
    ['one file', { fileCount: 1 }, [arrived('a-1-x.whl', 1)], '1 of 1 file'],
    ['as many as planned', { fileCount: 2 }, [arrived('a', 1), arrived('b', 1)], '2 of 2 files'],
    ['more than planned', { fileCount: 1 }, [arrived('a', 1), arrived('b', 1)], '2 files'],
    ['an unknown number', { fileCount: null }, [arrived('a', 1)], '1 file'],
    ['files that were here do not count', {}, [arrived('a', 1, true), arrived('b', 1)], '1 of 3 files'],
    ['a file under way', {}, [bytes('numpy-2.5-cp313.whl', 1, 2 * MB)], '0 of 3 files, numpy-2.5 2.0 MB'],
    ['one whose size nobody knows', {}, [bytes('numpy-2.5-cp313.whl', 1, null)], '0 of 3 files, numpy-2.5'],
    [
      'the largest of several, the first of those alike',
      {},
      [bytes('a-1', 1, null), bytes('b-1', 1, 2 * MB), bytes('c-1', 1, 2 * MB), bytes('d-1', 1, 1 * MB)],
      '0 files, b-1 2.0 MB',
    ],
  ])('%s', (_what, change, events, expected) => {
    expect(words(change, ...events)).toBe(expected);
  });
  it('are those of the step for any other, and once it is over', () => {
    const progress = progressed(step('fetch', 'started'), bytes('a', 1), step('fetch', 'finished'));
    expect(stepDetail(progress, progress.steps[0]!)).toBe('');
    const packages = { ...progress.steps[2]!, status: 'running' as const, detail: 'its own' };
    expect(stepDetail(progress, packages)).toBe('its own');
  });
});

it('lists what is under way by size, then by name, while files are fetched', () => {
  const all = [bytes('b-1-x.whl', 1, 5), bytes('a-1-x.whl', 2, 5), bytes('c-1', 3, null), bytes('d-1', 4, 9)];
  const progress = progressed(step('fetch', 'started'), ...all, arrived('e-1', 99));
  expect(activeTransfers(progress)).toEqual([
    { name: 'd-1', doneBytes: 4, totalBytes: 9 },
    { name: 'a-1', doneBytes: 2, totalBytes: 5 },
    { name: 'b-1', doneBytes: 1, totalBytes: 5 },
    { name: 'c-1', doneBytes: 3, totalBytes: null },
  ]);
  expect(activeTransfers(advanceProgress(progress, told(step('python', 'started'), 9)))).toEqual([]);
});

it('waits for the place of the largest file, when there is one', () => {
  expect(awaitedPlace(progressed())).toBeNull();
  expect(awaitedPlace(progressed(bytes('a', 1)))).toBe('pypi.internal');
  expect(awaitedPlace(progressed(arrived('a', 1)))).toBeNull();
  expect(awaitedPlace({ ...progressed(bytes('a', 1)), places: {} })).toBeNull();
});

describe('silence', () => {
  it.each([
    [19_999, null],
    [20_000, 20_000],
    [25_000, 25_000],
  ])('of %i ms since the transfer began: %s', (ms, silence) => {
    expect(silentForMs(progressed(step('fetch', 'started')), START_MS + ms)).toBe(silence);
  });
  it('is none before, after, or when it is not known since when', () => {
    expect(silentForMs(progressed(), START_MS + 60_000)).toBeNull();
    expect(
      silentForMs(progressed(step('fetch', 'started'), step('fetch', 'finished')), START_MS + 60_000),
    ).toBeNull();
    expect(silentForMs(progressed(step('python', 'started')), START_MS + 60_000)).toBeNull();
  });
});

it.each([
  ['a-1-cp313.whl', 'model', 'a-1'],
  ['a.tar.gz', 'wheel', 'a.tar.gz'],
  ['cpython-3.13.tar.gz', 'python', 'cpython-3.13'],
  ['my-cpython-3.13', 'python', 'my-cpython-3.13'],
  ['pypy.tar.gz', 'python', 'pypy.tar.gz'],
  ['uv-x86_64.zip', 'uv', 'uv-x86_64'],
  ['uv.zip.sha256', 'uv', 'uv.zip.sha256'],
  ['model.tar.gz', 'model', 'model.tar.gz'],
] as const)('%s of kind %s is called %s', (file, kind, name) => {
  expect(artefactName(file, kind)).toBe(name);
});

describe('bytes', () => {
  it('begin the silence, also of a file that was here', () => {
    expect(progressed(arrived('a', 5, true))).toMatchObject({ lastByteAtMs: START_MS, doneBytes: 0 });
    const later = advanceProgress(progressed(bytes('a', 5)), told(arrived('b', 5, true), 900));
    expect(later.lastByteAtMs).toBe(START_MS);
    expect(advanceProgress(later, told(bytes('a', 6), 950)).lastByteAtMs).toBe(START_MS + 950);
  });
  it('are sampled every half second', () => {
    const began = progressed(bytes('a', 0));
    expect(began.speedSample).toEqual({ atMs: START_MS, bytes: 0, weight: 0 });
    expect(advanceProgress(began, told(bytes('a', 100), 499)).bytesPerSecond).toBeNull();
    const half = advanceProgress(began, told(bytes('a', 100), 500));
    expect(half.bytesPerSecond).toBeCloseTo(200, 6);
    expect(half.speedSample).toEqual({ atMs: START_MS + 500, bytes: 100, weight: 1 - Math.exp(-500 / 3000) });
    // Bytes that were taken back are no speed below nothing.
    expect(advanceProgress(half, told(bytes('a', 0), 1500)).bytesPerSecond).toBeGreaterThan(0);
  });
});
