import { setTimeout as delay } from 'node:timers/promises';
import { machineReasonOf, reasonOfText } from '../failure/causes/machine-reason.ts';
import { linkedAbort } from '../support/async/linked-abort.ts';
import { errorMessage, throwIfCancelled } from '../support/errors.ts';
import { harmlessValue } from '../support/harmless.ts';
import type { Check, Outcome } from './checks/check.ts';
import { type CheckSurroundings, checkSurroundings, type DoctorTarget } from './checks/context.ts';
import type { DoctorEvent, DoctorResult } from './events.ts';
import { newSchedule, nextSteps, settledWith, started } from './schedule.ts';

/** Checks mostly wait for disks and children. */
const MAX_RUNNING = 6;
const DEFAULT_TIMEOUT_MS = 20_000;
const MAX_TICK_MS = 250;

export interface RunListOptions {
  onEvent?: ((event: DoctorEvent) => void) | undefined;
  signal?: AbortSignal | undefined;
  isDeep?: boolean;
}

/**
 * Runs checks concurrently, each with its own timeout and error handling: a crash or hang affects only its
 * own row. Checks whose dependency did not pass are skipped with the reason. Changes nothing.
 * @returns a result for each check, in list order.
 * @throws CancelledError when the signal fires, once every child has been told to end.
 */
export async function runCheckList(
  checks: readonly Check[],
  target: DoctorTarget,
  options: RunListOptions = {},
): Promise<DoctorResult[]> {
  const { onEvent, signal } = options;
  throwIfCancelled(signal);
  const own = linkedAbort(signal);
  const surroundings = checkSurroundings(target, { isDeep: options.isDeep === true, signal: own.signal });
  const results = new Map<string, DoctorResult>();
  const byId = new Map(checks.map((check) => [check.id, check]));
  let schedule = newSchedule(checks);
  const settle = (check: Check, outcome: Outcome, durationMs: number, isBlocked = false) => {
    schedule = settledWith(schedule, check, { status: outcome.status, isBlocked });
    const result = harmlessValue(resultOf(check, outcome, durationMs));
    results.set(check.id, result);
    onEvent?.({ type: 'check', check: result });
  };
  onEvent?.({ type: 'checks', checks: checks.map(infoOf) });
  const running = new Map<string, Promise<void>>();
  try {
    for (const check of checks) check.prepare?.(own.signal);
    while (results.size < checks.length) {
      throwIfCancelled(signal);
      const { start, skip } = nextSteps(schedule, MAX_RUNNING);
      for (const { check, reason } of skip)
        settle(byId.get(check.id)!, { status: 'skipped', detail: reason }, 0, true);
      for (const { id } of start) {
        const check = byId.get(id)!;
        schedule = started(schedule, id);
        onEvent?.({ type: 'check-started', id });
        const startedAt = performance.now();
        const work = runOne(check, surroundings, own.signal, onEvent).then((outcome) => {
          running.delete(id);
          if (!signal?.aborted) settle(check, outcome, Math.round(performance.now() - startedAt));
        });
        running.set(id, work);
      }
      if (skip.length === 0 && running.size > 0) await Promise.race(running.values());
    }
  } finally {
    own.stop();
    // The signal ends children; a check that ignores it is abandoned.
    await Promise.race([Promise.all(running.values()), delay(2000, undefined, { ref: false })]);
  }
  return checks.map(({ id }) => results.get(id)!);
}

async function runOne(
  check: Check,
  surroundings: CheckSurroundings,
  signal: AbortSignal,
  onEvent: RunListOptions['onEvent'],
): Promise<Outcome> {
  const timeoutMs = check.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const own = linkedAbort(signal);
  const ended = Promise.withResolvers<Outcome>();
  const late: Outcome = { status: 'could-not-check', detail: `no answer within ${timeoutMs / 1000} s` };
  // A late tick counts once: while the process is starved or the machine sleeps, no check can answer.
  const tickMs = Math.min(MAX_TICK_MS, timeoutMs / 4);
  let passedMs = 0;
  const timer = setInterval(() => {
    passedMs += tickMs;
    if (passedMs < timeoutMs) return;
    ended.resolve(late);
    own.stop();
  }, tickMs);
  const stopped = () => ended.resolve({ status: 'could-not-check', detail: 'stopped' });
  if (signal.aborted) stopped();
  signal.addEventListener('abort', stopped, { once: true });
  const waitFor = (text: string) => onEvent?.({ type: 'check-waiting', id: check.id, text });
  const work = (async () => check.run({ ...surroundings, signal: own.signal, waitFor }))();
  try {
    return await Promise.race([work.catch(crashed), ended.promise]);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', stopped);
  }
}

function crashed(error: unknown): Outcome {
  return {
    status: 'could-not-check',
    detail: `the check itself failed: ${errorMessage(error)}`,
    cause: machineReasonOf(error)?.reason,
  };
}

export function infoOf({ run: _, timeoutMs: __, prepare: ___, ...info }: Check) {
  return info;
}

function resultOf(check: Check, outcome: Outcome, durationMs: number): DoctorResult {
  const { id, group, label } = check;
  const { status, detail, fix, repairs } = outcome;
  // A detail that quotes another program may reveal a machine cause.
  const cause = outcome.cause ?? (status === 'fail' ? reasonOfText(detail)?.reason : undefined);
  return {
    id,
    group,
    label,
    status,
    detail,
    ...(fix === undefined ? {} : { fix }),
    ...(repairs === undefined ? {} : { repairs }),
    ...(cause === undefined ? {} : { cause }),
    durationMs,
  };
}
