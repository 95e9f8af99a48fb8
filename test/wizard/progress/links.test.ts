import { describe, expect, it } from 'vitest';
import type { SetupEvent, SetupEventBody } from '../../../src/core/events.ts';
import { remainingMs } from '../../../src/wizard/progress/estimate.ts';
import { advanceProgress, startProgress, tickProgress } from '../../../src/wizard/progress/progress.ts';
import { START_MS, told } from '../../fixtures/wizard-states.ts';
import { DEMO_PLAN } from '../../pty/demo-data.ts';

const MEGABYTE = 1e6;
const SIZE_BYTES = 60 * MEGABYTE;
const EVENT_EVERY_MS = 100;
/** What comes after the transfer takes as long as expected: the link is what is looked at. */
const TAIL: readonly [SetupEventBody, afterMs: number][] = [
  [{ type: 'step', step: 'fetch', status: 'finished' }, 30],
  [{ type: 'step', step: 'python', status: 'finished' }, 30],
  [{ type: 'step', step: 'packages', status: 'finished' }, 580],
  [{ type: 'step', step: 'prove', status: 'finished' }, 970],
  [{ type: 'step', step: 'switch', status: 'finished' }, 1030],
];

/** @param speedAt bytes a second at a time of the transfer. */
function installOver(speedAt: (atMs: number) => number): { events: SetupEvent[]; endMs: number } {
  const events = [told({ type: 'step', step: 'fetch', status: 'started' }, 0)];
  let doneBytes = 0;
  let atMs = 0;
  while (doneBytes < SIZE_BYTES) {
    atMs += EVENT_EVERY_MS;
    const before = doneBytes;
    doneBytes = Math.min(SIZE_BYTES, doneBytes + (speedAt(atMs) * EVENT_EVERY_MS) / 1000);
    if (doneBytes === before) continue;
    const body = {
      type: 'bytes',
      step: 'fetch',
      file: 'a',
      artefactKind: 'wheel',
      totalBytes: SIZE_BYTES,
    } as const;
    events.push(told({ ...body, doneBytes }, atMs));
  }
  events.push(...TAIL.map(([body, afterMs]) => told(body, atMs + afterMs)));
  return { events, endMs: atMs + TAIL.at(-1)![1] };
}

/** The moments, from `fromMs` on, at which the time left is more than 30 % and half a second from the truth. */
function wrongMoments({ events, endMs }: ReturnType<typeof installOver>, fromMs: number): number[] {
  const plan = { ...DEMO_PLAN, features: ['core'], rows: [], downloadBytes: SIZE_BYTES, fileCount: 1 };
  const queue = [...events];
  const wrong: number[] = [];
  let progress = startProgress(plan, START_MS);
  let share = 0;
  for (let atMs = 0; atMs < endMs; atMs += 250) {
    while (queue[0] && Date.parse(queue[0].at) <= START_MS + atMs)
      progress = advanceProgress(progress, queue.shift()!);
    progress = tickProgress(progress, START_MS + atMs, 1);
    expect(progress.share).toBeGreaterThanOrEqual(share);
    share = progress.share;
    const left = remainingMs(progress, START_MS + atMs);
    const truth = endMs - atMs;
    if (atMs < fromMs) continue;
    if (left === null || Math.abs(left - truth) > Math.max(500, 0.3 * truth)) wrong.push(atMs);
  }
  return wrong;
}

describe('the time left on a link', () => {
  it.each([
    ['is steady', () => 4 * MEGABYTE, 2000],
    ['starts slowly', (atMs: number) => Math.min(5, atMs / 1000) * MEGABYTE, 7000],
    ['becomes a quarter as fast', (atMs: number) => (atMs < 6000 ? 6 : 1.5) * MEGABYTE, 12_000],
    ['becomes three times as fast', (atMs: number) => (atMs < 8000 ? 2 : 6) * MEGABYTE, 14_000],
    [
      'is silent for ten seconds',
      (atMs: number) => (atMs > 4000 && atMs < 14_000 ? 0 : 4 * MEGABYTE),
      20_000,
    ],
    ['comes in bursts', (atMs: number) => (atMs % 1000 < 500 ? 8 * MEGABYTE : 0), 3000],
  ])('that %s is true again soon', (_name, speedAt, fromMs) => {
    expect(wrongMoments(installOver(speedAt), fromMs)).toEqual([]);
  });
});
