import { availableParallelism } from 'node:os';
import type { FailureReport, SetupEvent, SetupStep } from '../core/events.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import { CancelledError, errorChain, errorMessage } from '../support/errors.ts';
import type {
  CheckRun,
  InstallOutcome,
  PanelContext,
  PlanOutcome,
  SetupOverview,
  WizardFunctions,
} from './functions.ts';
import { changedOptions } from './panels/changes.ts';
import type { PanelAnswer } from './panels/panels.ts';
import { paceOfLoad } from './progress/estimate.ts';
import { runnableCount } from './progress/runnable-count.ts';
import { reduce } from './reduce.ts';
import type { LeftState, StartOptions, WizardEffect, WizardEvent, WizardState } from './state.ts';
import { isBusy, startWizard } from './state.ts';

const CLOCK_MS = 1000;

type RunningEffect = Exclude<WizardEffect, { type: 'cancel' | 'exit' }>;

export interface WizardOptions<Plan extends PlanOutcome> {
  functions: WizardFunctions<Plan>;
  /** Passed to every library call, besides features, signal and `onEvent`. */
  setup: Omit<SetupOptions, 'features' | 'signal' | 'onEvent'>;
  start?: Omit<StartOptions, 'nowMs'>;
  /**
   * Receives every event of an installation, for the live log. Lines come only here: they do not affect the
   * state.
   */
  onInstallEvent?: (event: SetupEvent) => void;
  /** See `PanelContext`; without a screen there is nothing to restore. */
  lendTerminal?: PanelContext['lendTerminal'];
  now?: () => number;
}

/** The running wizard: a state to read and subscribe to, and a dispatcher. */
export interface Wizard {
  getSnapshot(): WizardState;
  subscribe(listener: () => void): () => void;
  dispatch(event: WizardEvent): void;
  /** Resolves when the user has left the wizard and everything it started has ended. */
  finished: Promise<LeftState>;
}

/**
 * Runs the state machine: performs its effects with the injected functions and feeds back the results. One
 * effect runs at a time; the next waits until an aborted one has really ended.
 */
export function runWizardMachine<Plan extends PlanOutcome>(options: WizardOptions<Plan>): Wizard {
  const { functions, onInstallEvent, lendTerminal = (work) => work(), now = Date.now } = options;
  const listeners = new Set<() => void>();
  const first = startWizard({ ...options.start, nowMs: now() });
  let state = first.next;
  let controller = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let plan: InstallOutcome<Plan> | null = null;
  let clock: NodeJS.Timeout | null = null;
  const { promise: finished, resolve: finish } = Promise.withResolvers<LeftState>();

  function dispatch(event: WizardEvent): void {
    const { next, effects } = reduce(state, event);
    const hasChanged = next !== state;
    state = next;
    for (const effect of effects) perform(effect);
    keepClock();
    if (hasChanged) for (const listener of listeners) listener();
  }

  function keepClock(): void {
    if (isBusy(state) && clock === null) {
      clock = setInterval(() => dispatch({ type: 'tick', nowMs: now(), pace: currentPace() }), CLOCK_MS);
    } else if (!isBusy(state) && clock !== null) {
      clearInterval(clock);
      clock = null;
    }
  }

  function perform(effect: WizardEffect): void {
    if (effect.type === 'cancel') {
      controller.abort();
    } else if (effect.type === 'exit') {
      void running
        .then(discardPlan)
        .catch(() => {})
        .then(() => finish(state as LeftState));
    } else {
      controller = new AbortController();
      const { signal } = controller;
      running = running.then(() => attempt(effect, signal));
    }
  }

  async function attempt(effect: RunningEffect, signal: AbortSignal): Promise<void> {
    const { runId } = effect;
    let step: SetupStep | null = effect.type === 'plan' ? 'plan' : null;
    const setup: SetupOptions = {
      ...options.setup,
      ...changedOptions(state.changes, options.setup),
      features: effect.type === 'plan' ? [...effect.features] : [state.feature],
      shouldForce: effect.type === 'plan' ? effect.shouldForce : state.shouldForce,
      signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.status === 'started') step = event.step;
        if (effect.type === 'install') onInstallEvent?.(event);
        if (event.type !== 'lines') dispatch({ type: 'setup-event', runId, event });
      },
    };
    try {
      if (signal.aborted) throw new CancelledError();
      dispatch(await resultOf(effect, setup));
    } catch (error) {
      if (error instanceof CancelledError || signal.aborted) dispatch({ type: 'cancelled', runId });
      else dispatch({ type: 'failed', runId, report: await reportOf(error, setup, step), nowMs: now() });
    }
  }

  async function resultOf(effect: RunningEffect, setup: SetupOptions): Promise<WizardEvent> {
    const { runId } = effect;
    switch (effect.type) {
      case 'overview':
        return { type: 'overview', runId, overview: await readOverview(functions, setup), nowMs: now() };
      case 'plan': {
        await discardPlan();
        const made = await functions.plan(setup);
        if (made.status === 'ready')
          return { type: 'already-ready', runId, result: made.result, nowMs: now() };
        plan = made as InstallOutcome<Plan>;
        return { type: 'planned', runId, summary: plan.summary, pace: currentPace(), nowMs: now() };
      }
      case 'install': {
        const toExecute = plan;
        if (toExecute === null) throw new Error('An installation was started without a plan.');
        plan = null;
        return { type: 'installed', runId, result: await functions.execute(toExecute, setup), nowMs: now() };
      }
      case 'check':
        return {
          type: 'checked',
          runId,
          checks: await functions.runChecks(setup, checkRun(effect)),
          // An unreadable target is not offered; it does not fail the check.
          undo: await functions.readUndoTarget(setup).catch(() => null),
          nowMs: now(),
        };
      case 'plan-repair': {
        const results = state.screen === 'check' ? state.checks : [];
        return {
          type: 'repair-planned',
          runId,
          plan: await functions.planRepair(results, setup),
          nowMs: now(),
        };
      }
      case 'repair': {
        const { repairs, after } = await functions.repair(setup, checkRun({ ...effect, isProven: false }));
        return { type: 'repaired', runId, repairs, checks: after, nowMs: now() };
      }
      case 'undo-repair': {
        const { repairs } = await functions.undoRepair(setup);
        return { type: 'repairs-undone', runId, repairs, nowMs: now() };
      }
      case 'undo':
        return { type: 'undone', runId, target: await functions.undo(setup), nowMs: now() };
      default: {
        const tell = (answer: PanelAnswer) => dispatch({ type: 'answer', runId, answer, nowMs: now() });
        const answer = await functions.runPanel(effect, { setup, tell, lendTerminal });
        return { type: 'answer', runId, answer, nowMs: now() };
      }
    }
  }

  /** A repair logs like an installation: both share a screen. */
  function checkRun({
    runId,
    costs,
    isProven,
  }: Pick<CheckRun, 'costs' | 'isProven'> & { runId: number }): CheckRun {
    return {
      costs,
      isProven,
      onEvent(event) {
        if (event.type === 'repair-progress') onInstallEvent?.(event.event);
        if (event.type === 'repair-progress' && event.event.type === 'lines') return;
        dispatch({ type: 'doctor', runId, event, nowMs: now() });
      },
    };
  }

  async function discardPlan(): Promise<void> {
    const unused = plan;
    plan = null;
    if (unused !== null) await functions.discard(unused);
  }

  /** Falls back to a plain report when describing the failure fails too. */
  async function reportOf(
    error: unknown,
    setup: SetupOptions,
    step: SetupStep | null,
  ): Promise<FailureReport> {
    try {
      return await functions.reportFailure(error, setup, step);
    } catch (second) {
      const evidence = [errorChain(second)];
      const title = errorMessage(error);
      return { step, failureClass: 'internal', title, evidence, nextSteps: [], untouched: '', logPath: null };
    }
  }

  for (const effect of first.effects) perform(effect);
  return {
    getSnapshot: () => state,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispatch,
    finished,
  };
}

function currentPace(): number {
  return paceOfLoad(runnableCount(), availableParallelism());
}

async function readOverview(functions: WizardFunctions, setup: SetupOptions): Promise<SetupOverview> {
  const overview = await functions.readOverview(setup);
  if (overview.status.kind !== 'ready') return overview;
  return { ...overview, undo: await functions.readUndoTarget(setup).catch(() => null) };
}
