import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { type Check, fail, pass } from '../../src/doctor/checks/check.ts';
import type { DoctorEvent } from '../../src/doctor/events.ts';
import { runCheckList } from '../../src/doctor/run-list.ts';
import { runProcess } from '../../src/process/run-process.ts';
import { CancelledError } from '../../src/support/errors.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const check = (id: string, run: Check['run'], change: Partial<Check> = {}): Check => ({
  id,
  group: 'Runtime',
  label: id,
  why: '',
  cost: 'offline',
  dependsOn: [],
  run,
  ...change,
});

async function results(checks: readonly Check[], options: Parameters<typeof runCheckList>[2] = {}) {
  const runtimeRoot = await temporaryFolder();
  return runCheckList(checks, { cliVersion: '0.3.0', runtimeRoot, env: {} }, options);
}

it('a check that throws, hangs, or kills its own child affects only its own row', async () => {
  const found = await results([
    check('throws', () => {
      throw new Error('out of order');
    }),
    check('rejects', async () => Promise.reject(new Error('out of order'))),
    check('hangs', () => new Promise(() => {}), { timeoutMs: 50 }),
    check('kills', async ({ signal }) => {
      const { signal: by } = await runProcess({ command: 'sh', args: ['-c', 'kill -9 $$'], signal });
      return fail(`ended by ${by}`);
    }),
    check('works', async () => pass('fine')),
  ]);
  expect(found.map(({ id, status, detail }) => [id, status, detail])).toEqual([
    ['throws', 'could-not-check', 'the check itself failed: out of order'],
    ['rejects', 'could-not-check', 'the check itself failed: out of order'],
    ['hangs', 'could-not-check', 'no answer within 0.05 s'],
    ['kills', 'fail', 'ended by SIGKILL'],
    ['works', 'pass', 'fine'],
  ]);
});

it('does not count the time in which this process got no processor', async () => {
  const [found] = await results([
    check(
      'waits',
      async () => {
        await delay(0);
        const until = performance.now() + 400;
        while (performance.now() < until);
        await delay(0);
        return pass('answered as soon as it could');
      },
      { timeoutMs: 200 },
    ),
  ]);
  expect(found?.status).toBe('pass');
});

it('tells a check that has used up its time to stop', async () => {
  const stopped = Promise.withResolvers<void>();
  await results([
    check(
      'slow',
      ({ signal }) =>
        new Promise(() => signal.addEventListener('abort', () => stopped.resolve(), { once: true })),
      { timeoutMs: 20 },
    ),
  ]);
  await stopped.promise;
});

it('skips what depends on a failure, and says why', async () => {
  const found = await results([
    check('basis', async () => fail('broken')),
    check('above', async () => pass('never'), { dependsOn: ['basis'] }),
    check('top', async () => pass('never'), { dependsOn: ['above'] }),
  ]);
  expect(found.map(({ status, detail }) => [status, detail])).toEqual([
    ['fail', 'broken'],
    ['skipped', 'needs "basis", which failed'],
    ['skipped', 'needs "above", which was skipped'],
  ]);
});

it('ends when it is cancelled, although a check hears no signal', async () => {
  const stop = new AbortController();
  const events: DoctorEvent[] = [];
  const running = results([check('deaf', () => new Promise(() => {}))], {
    signal: stop.signal,
    onEvent: (event) => {
      events.push(event);
      if (event.type === 'check-started') stop.abort();
    },
  });
  await expect(running).rejects.toThrow('Operation cancelled.');
  expect(events.map(({ type }) => type)).toEqual(['checks', 'check-started']);
});

it('makes what a check found harmless', async () => {
  const [result] = await results([check('loud', async () => fail('red \u001b[31m'))]);
  expect(result?.detail).toBe('red \\u001b[31m');
});

it('gives a check twenty seconds, and runs six side by side', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  let running = 0;
  const hang = () => {
    running++;
    return new Promise<never>(() => {});
  };
  const found = results(Array.from({ length: 8 }, (_, index) => check(`hangs-${index}`, hang)));
  await vi.waitFor(() => expect(running).toBe(6), PATIENT);
  vi.advanceTimersByTime(19_900);
  await delay(0);
  expect(running).toBe(6);
  vi.advanceTimersByTime(100);
  await vi.waitFor(() => expect(running).toBe(8), PATIENT);
  vi.advanceTimersByTime(20_000);
  expect(new Set((await found).map(({ detail }) => detail))).toEqual(new Set(['no answer within 20 s']));
});

it('leaves no timer of a check that has answered', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  await results([
    check('answers', async () => pass('fine')),
    check('rejects', async () => Promise.reject(1)),
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

it('tells what will run, what starts and what was found, each as it comes', async () => {
  const told: string[] = [];
  const first = Promise.withResolvers<void>();
  await results(
    [
      check('slow', async ({ waitFor }) => {
        waitFor('the other one');
        await first.promise;
        return pass('late');
      }),
      check('quick', async () => pass('early')),
    ],
    {
      onEvent: (event) => {
        if (event.type === 'checks') told.push(`will run ${event.checks.map(({ id }) => id).join(', ')}`);
        if (event.type === 'check-started') told.push(`${event.id} started`);
        if (event.type === 'check-waiting') told.push(`${event.id} waits for ${event.text}`);
        if (event.type === 'check') {
          told.push(`${event.check.id}: ${event.check.detail}`);
          first.resolve();
        }
      },
    },
  );
  expect(told).toEqual([
    'will run slow, quick',
    'slow started',
    'slow waits for the other one',
    'quick started',
    'quick: early',
    'slow: late',
  ]);
});

it('a cancelled run never starts, and one that is cancelled on the way finds no more', async () => {
  let hasRun = false;
  const never = check('never', async () => {
    hasRun = true;
    return pass('ran');
  });
  await expect(results([never], { signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
  expect(hasRun).toBe(false);
  const stop = new AbortController();
  const told: string[] = [];
  const run = results(
    [
      check('stops', async () => {
        stop.abort();
        return pass('too late');
      }),
    ],
    {
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type === 'check') told.push(event.check.id);
      },
    },
  );
  await expect(run).rejects.toThrow(CancelledError);
  expect(told).toEqual([]);
});

it.each([
  ['while a check hangs', false],
  ['in the moment in which the check starts', true],
])('does not wait for a check that hears no signal: cancelled %s', async (_when, isAtOnce) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const stop = new AbortController();
  const hasStarted = Promise.withResolvers<void>();
  const running = results(
    [
      check('deaf', () => {
        if (isAtOnce) stop.abort();
        hasStarted.resolve();
        return new Promise(() => {});
      }),
    ],
    { signal: stop.signal },
  );
  const ended = expect(running).rejects.toThrow(CancelledError);
  await hasStarted.promise;
  stop.abort();
  // No timer fires here: only the check's own answer to the signal can end the run.
  await ended;
});
