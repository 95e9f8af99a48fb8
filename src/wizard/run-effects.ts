import type { FailureReport, SetupEvent, SetupStep } from '../core/events.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import { CancelledError, errorChain, errorMessage } from '../support/errors.ts';
import { currentPace, KeptPlan, type RunningEffect, resultOf } from './effect-result.ts';
import type { PanelContext, PlanOutcome, WizardFunctions } from './functions.ts';
import { changedOptions } from './panels/changes.ts';
import { reduce } from './reduce.ts';
import type { LeftState, StartOptions, WizardEffect, WizardEvent, WizardState } from './state.ts';
import { isBusy, startWizard } from './state.ts';

const CLOCK_MS = 1000;

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
  const machine = new Machine(options);
  return {
    getSnapshot: () => machine.state,
    subscribe: (listener) => machine.subscribe(listener),
    dispatch: (event) => machine.dispatch(event),
    finished: machine.finished,
  };
}

/** An event changes the state and starts effects; an effect ends with an event. */
class Machine<Plan extends PlanOutcome> {
  state: WizardState;
  readonly finished: Promise<LeftState>;
  readonly #finish: (left: LeftState) => void;
  readonly #options: WizardOptions<Plan>;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  readonly #kept = new KeptPlan<Plan>();
  #clock: NodeJS.Timeout | null = null;
  /** Of the effect that was started last. */
  #controller = new AbortController();
  /** Ends when every effect that was started has ended. */
  #running: Promise<void> = Promise.resolve();

  constructor(options: WizardOptions<Plan>) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    const { promise, resolve } = Promise.withResolvers<LeftState>();
    this.finished = promise;
    this.#finish = resolve;
    const { next, effects } = startWizard({ ...options.start, nowMs: this.#now() });
    this.state = next;
    for (const effect of effects) this.#perform(effect);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  dispatch(event: WizardEvent): void {
    const { next, effects } = reduce(this.state, event);
    const hasChanged = next !== this.state;
    this.state = next;
    for (const effect of effects) this.#perform(effect);
    this.#keepClock();
    if (hasChanged) for (const listener of this.#listeners) listener();
  }

  #keepClock(): void {
    if (isBusy(this.state) && this.#clock === null) {
      const tick = () => this.dispatch({ type: 'tick', nowMs: this.#now(), pace: currentPace() });
      this.#clock = setInterval(tick, CLOCK_MS);
    } else if (!isBusy(this.state) && this.#clock !== null) {
      clearInterval(this.#clock);
      this.#clock = null;
    }
  }

  #perform(effect: WizardEffect): void {
    if (effect.type === 'cancel') {
      this.#controller.abort();
    } else if (effect.type === 'exit') {
      void this.#leave();
    } else {
      this.#controller = new AbortController();
      const { signal } = this.#controller;
      this.#running = this.#running.then(() => this.#attempt(effect, signal));
    }
  }

  async #leave(): Promise<void> {
    const discarded = this.#running.then(() => this.#kept.discard(this.#options.functions));
    await discarded.catch(() => {});
    this.#finish(this.state as LeftState);
  }

  /** Performs an effect to its end; never throws. */
  async #attempt(effect: RunningEffect, signal: AbortSignal): Promise<void> {
    const { functions, onInstallEvent, lendTerminal = (work) => work() } = this.#options;
    const { runId } = effect;
    let step: SetupStep | null = effect.type === 'plan' ? 'plan' : null;
    const setup: SetupOptions = {
      ...this.#setupOf(effect),
      signal,
      onEvent: (event) => {
        if (event.type === 'step' && event.status === 'started') step = event.step;
        if (effect.type === 'install') onInstallEvent?.(event);
        if (event.type !== 'lines') this.dispatch({ type: 'setup-event', runId, event });
      },
    };
    const dispatch = (event: WizardEvent) => this.dispatch(event);
    const own = { state: this.state, kept: this.#kept, now: this.#now };
    try {
      if (signal.aborted) throw new CancelledError();
      dispatch(await resultOf(effect, { functions, setup, ...own, dispatch, onInstallEvent, lendTerminal }));
    } catch (error) {
      if (error instanceof CancelledError || signal.aborted) return dispatch({ type: 'cancelled', runId });
      const report = await reportOf(error, functions, setup, step);
      dispatch({ type: 'failed', runId, report, nowMs: this.#now() });
    }
  }

  #setupOf(effect: RunningEffect): SetupOptions {
    const { setup } = this.#options;
    return {
      ...setup,
      ...changedOptions(this.state.changes, setup),
      features: effect.type === 'plan' ? [...effect.features] : [this.state.feature],
      shouldForce: effect.type === 'plan' ? effect.shouldForce : this.state.shouldForce,
    };
  }
}

/** Falls back to a plain report when describing the failure fails too. */
async function reportOf(
  error: unknown,
  functions: WizardFunctions,
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
