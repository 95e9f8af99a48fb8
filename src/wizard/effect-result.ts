import { availableParallelism } from 'node:os';
import type { SetupEvent } from '../core/events.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import type {
  CheckRun,
  InstallOutcome,
  PanelContext,
  PlanOutcome,
  SetupOverview,
  WizardFunctions,
} from './functions.ts';
import type { PanelAnswer } from './panels/panels.ts';
import { paceOfLoad } from './progress/estimate.ts';
import { runnableCount } from './progress/runnable-count.ts';
import type { WizardEffect, WizardEvent, WizardState } from './state.ts';

/** An effect that calls a library function; the other two end one. */
export type RunningEffect = Exclude<WizardEffect, { type: 'cancel' | 'exit' }>;

/** A plan from when it is made until it is executed or discarded, which takes it out. */
export class KeptPlan<Plan extends PlanOutcome> {
  #plan: InstallOutcome<Plan> | null = null;

  keep(plan: InstallOutcome<Plan>): void {
    this.#plan = plan;
  }

  take(): InstallOutcome<Plan> | null {
    const plan = this.#plan;
    this.#plan = null;
    return plan;
  }

  async discard(functions: WizardFunctions<Plan>): Promise<void> {
    const unused = this.take();
    if (unused !== null) await functions.discard(unused);
  }
}

/** What one effect can use. */
export interface EffectContext<Plan extends PlanOutcome> {
  functions: WizardFunctions<Plan>;
  /** With signal and events. */
  setup: SetupOptions;
  /** The state when the effect began. */
  state: WizardState;
  kept: KeptPlan<Plan>;
  /** Sends what happens before the result. */
  dispatch(event: WizardEvent): void;
  onInstallEvent: ((event: SetupEvent) => void) | undefined;
  lendTerminal: PanelContext['lendTerminal'];
  now(): number;
}

/** Performs one effect. @returns the event that reports its result. @throws what the library function throws. */
export async function resultOf<Plan extends PlanOutcome>(
  effect: RunningEffect,
  context: EffectContext<Plan>,
): Promise<WizardEvent> {
  const { functions, setup, now } = context;
  const { runId } = effect;
  switch (effect.type) {
    case 'overview':
      return { type: 'overview', runId, overview: await readOverview(functions, setup), nowMs: now() };
    case 'plan':
      return makePlan(runId, context);
    case 'install': {
      const plan = context.kept.take();
      if (plan === null) throw new Error('An installation was started without a plan.');
      return { type: 'installed', runId, result: await functions.execute(plan, setup), nowMs: now() };
    }
    case 'check':
      return {
        type: 'checked',
        runId,
        checks: await functions.runChecks(setup, checkRun(effect, context)),
        // An unreadable target is not offered; it does not fail the check.
        undo: await functions.readUndoTarget(setup).catch(() => null),
        nowMs: now(),
      };
    case 'plan-repair': {
      const results = context.state.screen === 'check' ? context.state.checks : [];
      return {
        type: 'repair-planned',
        runId,
        plan: await functions.planRepair(results, setup),
        nowMs: now(),
      };
    }
    case 'repair': {
      const run = checkRun({ ...effect, isProven: false }, context);
      const { repairs, after } = await functions.repair(setup, run);
      return { type: 'repaired', runId, repairs, checks: after, nowMs: now() };
    }
    case 'undo-repair': {
      const { repairs } = await functions.undoRepair(setup);
      return { type: 'repairs-undone', runId, repairs, nowMs: now() };
    }
    case 'undo':
      return { type: 'undone', runId, target: await functions.undo(setup), nowMs: now() };
    default: {
      const tell = (answer: PanelAnswer) => context.dispatch({ type: 'answer', runId, answer, nowMs: now() });
      const { lendTerminal } = context;
      const answer = await functions.runPanel(effect, { setup, tell, lendTerminal });
      return { type: 'answer', runId, answer, nowMs: now() };
    }
  }
}

/** How much longer everything takes while this machine does other things. */
export function currentPace(): number {
  return paceOfLoad(runnableCount(), availableParallelism());
}

async function makePlan<Plan extends PlanOutcome>(
  runId: number,
  { functions, setup, kept, now }: EffectContext<Plan>,
): Promise<WizardEvent> {
  await kept.discard(functions);
  const made = await functions.plan(setup);
  if (made.status === 'ready') return { type: 'already-ready', runId, result: made.result, nowMs: now() };
  kept.keep(made as InstallOutcome<Plan>);
  return { type: 'planned', runId, summary: made.summary, pace: currentPace(), nowMs: now() };
}

/** A repair logs like an installation: both share a screen. */
function checkRun<Plan extends PlanOutcome>(
  { runId, costs, isProven }: Pick<CheckRun, 'costs' | 'isProven'> & { runId: number },
  { dispatch, onInstallEvent, now }: EffectContext<Plan>,
): CheckRun {
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

async function readOverview(functions: WizardFunctions, setup: SetupOptions): Promise<SetupOverview> {
  const overview = await functions.readOverview(setup);
  if (overview.status.kind !== 'ready') return overview;
  return { ...overview, undo: await functions.readUndoTarget(setup).catch(() => null) };
}
