import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { CancelledError, SetupError } from '../../src/support/errors.ts';
import type { PlanOutcome, WizardFunctions } from '../../src/wizard/functions.ts';
import { runWizardMachine, type Wizard } from '../../src/wizard/run-effects.ts';
import type { Command, WizardState } from '../../src/wizard/state.ts';
import { REPORT, told, VIEW } from '../fixtures/wizard-states.ts';
import { DEMO_CHECKS, DEMO_OVERVIEW, DEMO_PLAN, DEMO_RESULT } from '../pty/demo-data.ts';

/** A call of a library function that the test ends when it wants to. */
interface Call {
  name: string;
  options: Parameters<WizardFunctions['plan']>[0];
  plan?: PlanOutcome;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

function given() {
  const calls: Call[] = [];
  const hooks = new Set<() => void>();
  const record =
    (name: string) =>
    (...args: unknown[]): Promise<never> =>
      new Promise((resolve, reject) => {
        const options = args.at(-1) as Call['options'];
        const plan = args.length === 2 ? (args[0] as PlanOutcome) : undefined;
        calls.push({ name, options, plan, resolve: resolve as Call['resolve'], reject });
        for (const hook of hooks) hook();
      });
  const installEvents: SetupEvent[] = [];
  const discarded: PlanOutcome[] = [];
  const wizard = runWizardMachine({
    setup: { cliVersion: '0.3.0', runtimeRoot: '/r' },
    functions: {
      readOverview: record('readOverview'),
      plan: record('plan'),
      execute: record('execute'),
      runChecks: record('runChecks'),
      readUndoTarget: async () => null,
      undo: record('undo'),
      planRepair: record('planRepair'),
      repair: record('repair'),
      undoRepair: record('undoRepair'),
      runPanel: record('runPanel'),
      discard: async (plan) => {
        discarded.push(plan);
      },
      reportFailure: async (error, _options, step) => {
        if (!(error instanceof SetupError)) throw new Error('no words for this', { cause: error });
        return { ...REPORT, step, title: error.message };
      },
    },
    onInstallEvent: (event) => installEvents.push(event),
  });
  /** The call with this index, as soon as it was made. */
  const call = (index: number): Promise<Call> =>
    new Promise((resolve) => {
      const look = () => {
        const found = calls[index];
        if (!found) return;
        hooks.delete(look);
        resolve(found);
      };
      hooks.add(look);
      look();
    });
  return { wizard, calls, call, installEvents, discarded };
}

/** Resolves when the state satisfies it. */
function when(wizard: Wizard, wanted: (state: WizardState) => boolean): Promise<WizardState> {
  return new Promise((resolve) => {
    const look = () => {
      if (!wanted(wizard.getSnapshot())) return;
      stop();
      resolve(wizard.getSnapshot());
    };
    const stop = wizard.subscribe(look);
    look();
  });
}

const on = (screen: WizardState['screen']) => (state: WizardState) => state.screen === screen;

function give(wizard: Wizard, command: Command): void {
  wizard.dispatch({ type: 'command', command, view: VIEW, nowMs: Date.now() });
}

async function atPlan() {
  const all = given();
  (await all.call(0)).resolve(DEMO_OVERVIEW);
  await when(all.wizard, on('features'));
  give(all.wizard, 'confirm');
  return all;
}

const PLAN = { status: 'install' as const, summary: DEMO_PLAN, secret: 'kept' };

async function atInstall() {
  const all = await atPlan();
  (await all.call(1)).resolve(PLAN);
  await when(all.wizard, (state) => state.screen === 'plan' && state.summary !== null);
  give(all.wizard, 'confirm');
  return { ...all, install: await all.call(2) };
}

describe('the runner of effects', () => {
  it('goes the whole way and hands the plan back as it was', async () => {
    const { wizard, call, install } = await atInstall();
    expect(install.plan).toBe(PLAN);
    expect(install.options).toMatchObject({ cliVersion: '0.3.0', runtimeRoot: '/r', features: ['core'] });
    install.resolve(DEMO_RESULT);
    (await call(3)).resolve(DEMO_CHECKS);
    await when(wizard, (state) => state.screen === 'check' && !state.isRunning);
    give(wizard, 'confirm');
    expect(await wizard.finished).toMatchObject({
      exitCode: 0,
      farewell: { kind: 'done', result: DEMO_RESULT },
    });
  });

  it('keeps a clock while something runs, and none while it waits for keys', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { wizard, call } = await atPlan();
    const plan = await call(1);
    await when(wizard, (state) => state.screen === 'plan' && state.summary === null);
    expect(vi.getTimerCount()).toBe(1);
    plan.resolve(PLAN);
    await when(wizard, (state) => state.screen === 'plan' && state.summary !== null);
    expect(vi.getTimerCount()).toBe(0);
    give(wizard, 'confirm');
    await when(wizard, on('installing'));
    expect(vi.getTimerCount()).toBe(1);
    give(wizard, 'interrupt');
  });

  it('gives lines to the log alone, and everything else to the state too', async () => {
    const { wizard, install, installEvents } = await atInstall();
    const before = wizard.getSnapshot();
    install.options.onEvent?.(told({ type: 'lines', step: 'fetch', stream: 'stdout', lines: ['a'] }));
    expect(wizard.getSnapshot()).toBe(before);
    install.options.onEvent?.(told({ type: 'step', step: 'fetch', status: 'started' }));
    expect(wizard.getSnapshot()).not.toBe(before);
    expect(installEvents.map((event) => event.type)).toEqual(['lines', 'step']);
  });

  it('starts nothing before what was cancelled has ended', async () => {
    const { wizard, calls, call } = await atPlan();
    const first = await call(1);
    give(wizard, 'back');
    give(wizard, 'confirm');
    expect(first.options.signal?.aborted).toBe(true);
    await new Promise(setImmediate);
    expect(calls).toHaveLength(2);
    first.reject(new CancelledError());
    const second = await call(2);
    expect(second.options.signal?.aborted).toBe(false);
    // The first plan, had it come late, would have been nobody's.
    expect(wizard.getSnapshot()).toMatchObject({ screen: 'plan', summary: null });
    second.resolve(PLAN);
    await when(wizard, (state) => state.screen === 'plan' && state.summary !== null);
  });

  it('is finished only when what it started has ended', async () => {
    const { wizard, install } = await atInstall();
    let isFinished = false;
    void wizard.finished.then(() => {
      isFinished = true;
    });
    give(wizard, 'interrupt');
    give(wizard, 'interrupt');
    expect(install.options.signal?.aborted).toBe(true);
    await new Promise(setImmediate);
    expect(isFinished).toBe(false);
    install.reject(new CancelledError());
    expect(await wizard.finished).toMatchObject({ exitCode: 130, farewell: { kind: 'cancelled' } });
  });

  it('waits for running probes that are left', async () => {
    const { wizard, call } = await atPlan();
    const probes = await call(1);
    give(wizard, 'quit');
    expect(probes.options.signal?.aborted).toBe(true);
    let isFinished = false;
    void wizard.finished.then(() => {
      isFinished = true;
    });
    await new Promise(setImmediate);
    expect(isFinished).toBe(false);
    probes.resolve(PLAN);
    expect(await wizard.finished).toMatchObject({ exitCode: 0 });
  });

  it('tells what failed, and in which step', async () => {
    const { wizard, install } = await atInstall();
    install.options.onEvent?.(told({ type: 'step', step: 'packages', status: 'started' }));
    install.reject(new SetupError('The disk is full.', { failureClass: 'disk' }));
    expect(await when(wizard, on('failure'))).toMatchObject({
      report: { step: 'packages', title: 'The disk is full.' },
    });
    give(wizard, 'quit');
    expect(await wizard.finished).toMatchObject({ exitCode: 1 });
  });

  it('tells of a failure even when nobody has words for it', async () => {
    const { wizard, call } = given();
    (await call(0)).reject(new TypeError('x is undefined'));
    expect(await when(wizard, on('failure'))).toMatchObject({
      report: {
        failureClass: 'internal',
        title: 'x is undefined',
        evidence: [expect.stringContaining('no words for this')],
      },
    });
    give(wizard, 'quit');
    await wizard.finished;
  });

  it('lets go of a plan that is not carried out, once', async () => {
    const { wizard, call, discarded } = await atPlan();
    (await call(1)).resolve(PLAN);
    await when(wizard, (state) => state.screen === 'plan' && state.summary !== null);
    give(wizard, 'back');
    give(wizard, 'confirm');
    const second = { ...PLAN };
    (await call(2)).resolve(second);
    expect(discarded).toEqual([PLAN]);
    await when(wizard, (state) => state.screen === 'plan' && state.summary !== null);
    give(wizard, 'quit');
    await wizard.finished;
    expect(discarded[1]).toBe(second);
    expect(discarded).toHaveLength(2);
  });

  it('does not let go of a plan that was carried out: its execution does', async () => {
    const { wizard, install, discarded } = await atInstall();
    give(wizard, 'interrupt');
    give(wizard, 'interrupt');
    install.reject(new CancelledError());
    await wizard.finished;
    expect(discarded).toEqual([]);
  });
});
