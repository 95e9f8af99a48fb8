import { describe, expect, it, vi } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import {
  type EffectContext,
  KeptPlan,
  type RunningEffect,
  resultOf,
} from '../../src/wizard/effect-result.ts';
import type { CheckRun, PlanOutcome, WizardFunctions } from '../../src/wizard/functions.ts';
import type { WizardEvent, WizardState } from '../../src/wizard/state.ts';
import { told } from '../fixtures/wizard-states.ts';
import { DEMO_CHECKS, DEMO_OVERVIEW, DEMO_PLAN, DEMO_RESULT } from '../pty/demo-data.ts';

const SETUP = { cliVersion: '0.3.0', features: ['core' as const] };
const TARGET = { direction: 'back' } as never;
const PLAN = { status: 'install' as const, summary: DEMO_PLAN };
const READY = { ...DEMO_OVERVIEW, status: { kind: 'ready' } } as typeof DEMO_OVERVIEW;

/** Functions that answer with what a test names; one that it does not name must not be called. */
function given(
  answers: { [Name in keyof WizardFunctions]?: unknown },
  state = { screen: 'plan' } as WizardState,
) {
  const functions = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      vi.fn(async (..._args: unknown[]) => {
        if (answer instanceof Error) throw answer;
        return answer;
      }),
    ]),
  ) as unknown as WizardFunctions;
  const dispatched: WizardEvent[] = [];
  const logged: SetupEvent[] = [];
  const context: EffectContext<PlanOutcome> = {
    functions,
    setup: SETUP,
    state,
    kept: new KeptPlan(),
    dispatch: (event) => void dispatched.push(event),
    onInstallEvent: (event) => void logged.push(event),
    lendTerminal: (work) => work(),
    now: () => 7,
  };
  const run = (effect: { type: RunningEffect['type']; [key: string]: unknown }) =>
    resultOf({ ...effect, runId: 3 } as unknown as RunningEffect, context);
  return { context, functions, dispatched, logged, run };
}

const argsOf = (call: unknown) => vi.mocked(call as (...args: unknown[]) => unknown).mock.calls;
const runOf = (call: unknown) => argsOf(call)[0]![1] as CheckRun;

describe('an overview', () => {
  it.each([
    ['of a runtime that is ready has what can be undone', READY, TARGET, { ...READY, undo: TARGET }],
    [
      'of one whose earlier environment cannot be read has nothing to undo',
      READY,
      new Error('no'),
      { ...READY, undo: null },
    ],
  ])('%s', async (_name, overview, undo, expected) => {
    const { run } = given({ readOverview: overview, readUndoTarget: undo });
    expect(await run({ type: 'overview' })).toEqual({
      type: 'overview',
      runId: 3,
      overview: expected,
      nowMs: 7,
    });
  });

  it('of a machine without a runtime does not ask', async () => {
    const { run } = given({ readOverview: DEMO_OVERVIEW });
    expect(await run({ type: 'overview' })).toMatchObject({ overview: DEMO_OVERVIEW });
  });
});

describe('a plan', () => {
  const effect = { type: 'plan', features: ['core'], shouldForce: false } as const;

  it('is kept for the installation, which takes it once', async () => {
    const { context, functions, run } = given({ plan: PLAN, execute: DEMO_RESULT });
    expect(await run(effect)).toMatchObject({ type: 'planned', runId: 3, summary: DEMO_PLAN, nowMs: 7 });
    expect(await run({ type: 'install' })).toEqual({
      type: 'installed',
      runId: 3,
      result: DEMO_RESULT,
      nowMs: 7,
    });
    expect(argsOf(functions.execute)).toEqual([[PLAN, SETUP]]);
    expect(context.kept.take()).toBeNull();
    await expect(run({ type: 'install' })).rejects.toThrow('without a plan');
  });

  it('takes the place of an earlier one, which is discarded before', async () => {
    const { context, functions, run } = given({ plan: PLAN, discard: undefined });
    const earlier = { ...PLAN };
    context.kept.keep(earlier);
    await run(effect);
    expect(argsOf(functions.discard)).toEqual([[earlier]]);
    expect(context.kept.take()).toBe(PLAN);
  });

  it('that finds all in place keeps nothing', async () => {
    const { context, run } = given({ plan: { status: 'ready', result: DEMO_RESULT } });
    expect(await run(effect)).toEqual({ type: 'already-ready', runId: 3, result: DEMO_RESULT, nowMs: 7 });
    expect(context.kept.take()).toBeNull();
  });
});

describe('checks and repairs', () => {
  it.each([
    [TARGET, TARGET],
    [new Error('unreadable'), null],
  ])('a check has what can be undone (%s)', async (undo, expected) => {
    const { functions, run } = given({ runChecks: DEMO_CHECKS, readUndoTarget: undo });
    const effect = { type: 'check', costs: ['network'], isProven: true } as const;
    const event = { type: 'checked', runId: 3, checks: DEMO_CHECKS, undo: expected, nowMs: 7 };
    expect(await run(effect)).toEqual(event);
    expect(argsOf(functions.runChecks)[0]![0]).toBe(SETUP);
    expect(runOf(functions.runChecks)).toMatchObject({ costs: ['network'], isProven: true });
  });

  it('a repair is planned for what the check found, and for nothing elsewhere', async () => {
    const at = async (state: object) => {
      const { functions, run } = given({ planRepair: { steps: [] } }, state as WizardState);
      const event = { type: 'repair-planned', runId: 3, plan: { steps: [] }, nowMs: 7 };
      expect(await run({ type: 'plan-repair' })).toEqual(event);
      return argsOf(functions.planRepair)[0];
    };
    expect(await at({ screen: 'check', checks: DEMO_CHECKS })).toEqual([DEMO_CHECKS, SETUP]);
    expect(await at({ screen: 'ready', checks: DEMO_CHECKS })).toEqual([[], SETUP]);
  });

  it('a repair proves anew, and answers with what is left', async () => {
    const { functions, run } = given({ repair: { repairs: ['replace-uv'], after: DEMO_CHECKS } });
    const event = { type: 'repaired', runId: 3, repairs: ['replace-uv'], checks: DEMO_CHECKS, nowMs: 7 };
    expect(await run({ type: 'repair', costs: ['deep'] })).toEqual(event);
    expect(argsOf(functions.repair)[0]![0]).toBe(SETUP);
    expect(runOf(functions.repair)).toMatchObject({ costs: ['deep'], isProven: false });
  });

  it('what happens on the way goes to the state, an install of a repair to the log too, its lines to the log alone', async () => {
    const { functions, dispatched, logged, run } = given({ repair: { repairs: [], after: [] } });
    await run({ type: 'repair', costs: [] });
    const { onEvent } = runOf(functions.repair);
    const step = told({ type: 'step', step: 'fetch', status: 'started' });
    const lines = told({ type: 'lines', step: 'fetch', stream: 'stdout', lines: ['a'] });
    const events = [
      { type: 'check-started', id: 'uv' },
      { type: 'repair-progress', event: step },
      { type: 'repair-progress', event: lines },
    ] as never[];
    for (const event of events) onEvent(event);
    expect(logged).toEqual([step, lines]);
    expect(dispatched).toEqual(
      events.slice(0, 2).map((event) => ({ type: 'doctor', runId: 3, event, nowMs: 7 })),
    );
  });

  it('both can be undone', async () => {
    const { functions, run } = given({ undoRepair: { repairs: ['replace-uv'] }, undo: TARGET });
    const undone = { type: 'repairs-undone', runId: 3, repairs: ['replace-uv'], nowMs: 7 };
    expect(await run({ type: 'undo-repair' })).toEqual(undone);
    expect(await run({ type: 'undo' })).toEqual({ type: 'undone', runId: 3, target: TARGET, nowMs: 7 });
    expect([argsOf(functions.undoRepair), argsOf(functions.undo)]).toEqual([[[SETUP]], [[SETUP]]]);
  });
});

it('the task of a panel can tell before it is done, and gets the terminal', async () => {
  const { context, functions, dispatched, run } = given({ runPanel: { type: 'sources-read', current: {} } });
  const answer = { type: 'sources-read', current: {} } as const;
  expect(await run({ type: 'read-sources' })).toEqual({ type: 'answer', runId: 3, answer, nowMs: 7 });
  const [effect, panel] = argsOf(functions.runPanel)[0] as [
    object,
    { setup: object; tell(answer: object): void; lendTerminal: unknown },
  ];
  expect(effect).toEqual({ type: 'read-sources', runId: 3 });
  expect([panel.setup, panel.lendTerminal]).toEqual([SETUP, context.lendTerminal]);
  panel.tell(answer);
  expect(dispatched).toEqual([{ type: 'answer', runId: 3, answer, nowMs: 7 }]);
});
