import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Check, fail, pass, warn } from '../../src/doctor/checks/check.ts';
import type { DoctorEvent } from '../../src/doctor/events.ts';
import { infoOf, runCheckList } from '../../src/doctor/run-list.ts';
import { CancelledError } from '../../src/support/errors.ts';

const check = (id: string, run: Check['run'], change: Partial<Check> = {}): Check => ({
  id,
  group: 'Runtime',
  label: `Label of ${id}`,
  why: 'Because.',
  cost: 'offline',
  dependsOn: [],
  run,
  ...change,
});
const target = { cliVersion: '0.3.0', runtimeRoot: '/nowhere', env: {} };
const results = (checks: readonly Check[], options: Parameters<typeof runCheckList>[2] = {}) =>
  runCheckList(checks, target, options);

it('a result has what the outcome has, and nothing else', async () => {
  const row = (id: string) => ({
    id,
    group: 'Runtime',
    label: `Label of ${id}`,
    durationMs: expect.any(Number),
  });
  const found = await results([
    check('pass', async () => pass('fine')),
    check('fail', async () => fail('it said: No space left on device', ['rebuild-environment'], 'Free some')),
    check('warn', async () => warn('it said: No space left on device')),
    check('own', async () => ({ ...fail('No space left on device'), cause: 'quota' })),
    check('crash', async () => {
      throw Object.assign(new Error('EMFILE: no'), { code: 'EMFILE' });
    }),
  ]);
  expect(found).toEqual([
    { ...row('pass'), status: 'pass', detail: 'fine' },
    {
      ...row('fail'),
      status: 'fail',
      detail: 'it said: No space left on device',
      fix: 'Free some',
      repairs: ['rebuild-environment'],
      cause: 'disk-full',
    },
    { ...row('warn'), status: 'warn', detail: 'it said: No space left on device' },
    { ...row('own'), status: 'fail', detail: 'No space left on device', cause: 'quota' },
    {
      ...row('crash'),
      status: 'could-not-check',
      detail: 'the check itself failed: EMFILE: no',
      cause: 'too-many-files',
    },
  ]);
  for (const { durationMs } of found) expect(durationMs).toBeLessThan(60_000);
});

it('tells what it will check, what waits, and each result', async () => {
  const events: DoctorEvent[] = [];
  const seen: unknown[] = [];
  const checks = [
    check('one', async ({ waitFor, isDeep }) => {
      waitFor('for a friend');
      seen.push(isDeep);
      return pass('fine');
    }),
  ];
  const [result] = await results(checks, { onEvent: (event) => events.push(event), isDeep: true });
  expect(events).toEqual([
    { type: 'checks', checks: [infoOf(checks[0]!)] },
    expect.objectContaining({ type: 'check-started' }),
    { type: 'check-waiting', id: 'one', text: 'for a friend' },
    { type: 'check', check: result },
  ]);
  expect(Object.keys(infoOf(checks[0]!)).sort()).toEqual([
    'cost',
    'dependsOn',
    'group',
    'id',
    'label',
    'why',
  ]);
  await results(checks);
  await results(checks, { isDeep: false });
  expect(seen).toEqual([true, false, false]);
});

it('slow work begins before the first check, and ends with the last', async () => {
  const order: string[] = [];
  let signal: AbortSignal | undefined;
  await results([
    check('first', async () => {
      order.push('first');
      return pass('');
    }),
    check('last', async () => pass(''), {
      prepare(given) {
        order.push('prepared');
        signal = given;
        expect(given.aborted).toBe(false);
      },
    }),
  ]);
  expect(order).toEqual(['prepared', 'first']);
  expect(signal?.aborted).toBe(true);
});

it('nothing is checked once it was cancelled', async () => {
  let count = 0;
  const checks = [check('one', async () => pass(String(count++)))];
  await expect(results(checks, { signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
  expect(count).toBe(0);
});

describe('a check that does not answer', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    [undefined, 20_000, '20 s'],
    // Four ticks of 12 ms.
    [50, 48, '0.05 s'],
    [1500, 1500, '1.5 s'],
  ])('within %s ms is late, and its signal fires', async (timeoutMs, lateMs, words) => {
    let signal: AbortSignal | undefined;
    let found: Awaited<ReturnType<typeof results>> | null = null;
    const hangs = check(
      'hangs',
      (context) => {
        signal = context.signal;
        return new Promise(() => {});
      },
      timeoutMs === undefined ? {} : { timeoutMs },
    );
    const running = results([hangs]).then((all) => {
      found = all;
    });
    await vi.advanceTimersByTimeAsync(lateMs - 1);
    expect([signal?.aborted, found]).toEqual([false, null]);
    await vi.advanceTimersByTimeAsync(1);
    expect(signal?.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(2000);
    await running;
    expect(found).toMatchObject([{ status: 'could-not-check', detail: `no answer within ${words}` }]);
  });
});
