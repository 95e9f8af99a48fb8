import { describe, expect, it } from 'vitest';
import { createStandstillJudge, type TreeUse } from '../../src/process/standstill.ts';

const IDLE: TreeUse = { cpuMs: 100, ioCount: 7, processCount: 2, isRunnable: false, isStopped: false };
const LIMITS = { stillMs: 3000, cpuMs: 5000, tickMs: 1000 };

/** What is said after each sample. */
function judged(samples: readonly (Partial<TreeUse> | null)[], limits = LIMITS): (string | null)[] {
  const judge = createStandstillJudge(limits);
  return samples.map((sample) => judge(sample && { ...IDLE, ...sample }));
}
const idle = (count: number) => Array.from({ length: count }, () => ({}));
const STILL = 'made no progress for 3 s';

describe('a process tree', () => {
  it('stands still when it is idle for as long as the limit', () => {
    expect(judged(idle(4))).toEqual([null, null, STILL, STILL]);
  });

  it.each<[string, Partial<TreeUse>]>([
    ['used the processor', { cpuMs: 110 }],
    ['read or wrote', { ioCount: 8 }],
    ['started a process', { processCount: 3 }],
    ['lost a process', { processCount: 1 }],
    ['waits for the processor', { isRunnable: true }],
  ])('makes progress when it %s', (_, change) => {
    const [resting, working] = [idle(2), Array.from({ length: 4 }, () => change)];
    // What it has used is progress once, what it waits for as long as it waits.
    const last = change.isRunnable ? null : STILL;
    expect(judged([...resting, ...working])).toEqual([null, null, null, null, null, last]);
  });

  it('does not stand still while it is stopped, and what it stood before counts', () => {
    const stopped = Array.from({ length: 9 }, () => ({ isStopped: true }));
    expect(judged([...idle(2), ...stopped])).toEqual(Array.from({ length: 11 }, () => null));
    expect(judged([...idle(2), ...stopped, {}]).at(-1)).toBe(STILL);
  });

  it('loops without an end when it used more of the processor than the limit, not as much', () => {
    expect(judged([{ cpuMs: 5000 }, { cpuMs: 5001 }])).toEqual([
      null,
      'used 5 s of processor time without an answer',
    ]);
  });
});

describe('a process tree that cannot be seen', () => {
  it('has six times as long', () => {
    const unseen = Array.from({ length: 18 }, () => null);
    const said = judged(unseen);
    expect(said.slice(0, 17).every((text) => text === null)).toBe(true);
    expect(said[17]).toBe('made no progress for 18 s');
  });

  it('has not when it was seen at first: it has ended, or soon will', () => {
    expect(judged([{}, null, null])).toEqual([null, null, STILL]);
  });

  it('makes no progress by being seen again', () => {
    expect(judged([{}, null, {}])).toEqual([null, null, STILL]);
  });
});
