import type { SetupOverview, UndoTarget } from './functions.ts';
import { startProgress } from './progress/progress.ts';
import type {
  CheckState,
  Farewell,
  LoadingState,
  PlanState,
  Shared,
  Transition,
  WizardEffect,
  WizardState,
} from './state.ts';

/**
 * Transitions between screens. Each that starts an effect increments `runId`, so that late results are
 * ignored.
 */

export function stay(next: WizardState): Transition {
  return { next, effects: [] };
}

/** Only the fields shared by all screens, so that nothing of one screen leaks into the next. */
export function sharedOf(state: WizardState): Shared {
  const {
    runId,
    nowMs,
    overview,
    feature,
    isFeatureRequired,
    featureReason,
    logPath,
    shouldForce,
    changes,
    installed,
    hasProject,
  } = state;
  return {
    runId,
    nowMs,
    isHelpOpen: false,
    overview,
    feature,
    isFeatureRequired,
    featureReason,
    logPath,
    shouldForce,
    changes,
    installed,
    hasProject,
  };
}

export function toOverview(state: WizardState): Transition & { next: LoadingState } {
  const runId = state.runId + 1;
  return {
    next: { ...sharedOf(state), screen: 'loading', runId },
    effects: [{ type: 'overview', runId }],
  };
}

export function planFor(
  state: WizardState,
  overview: SetupOverview,
  confirmed: PlanState['confirmed'] = null,
): Transition {
  const runId = state.runId + 1;
  const features = [state.feature];
  return {
    next: {
      ...sharedOf(state),
      screen: 'plan',
      runId,
      overview,
      startedAtMs: state.nowMs,
      activity: [],
      summary: null,
      pace: 1,
      confirmed,
      cursor: 0,
    },
    effects: [{ type: 'plan', runId, features, shouldForce: state.shouldForce }],
  };
}

/** A change made in the wizard moved the runtime elsewhere, which has not been examined yet. */
export function isElsewhere({ changes, overview }: WizardState): boolean {
  return changes.runtimeRoot !== undefined && changes.runtimeRoot !== overview?.runtimeRoot;
}

/** Plans again if the location was examined; otherwise examines it first. */
export function planAgain(state: WizardState, confirmed: PlanState['confirmed'] = null): Transition {
  if (state.overview === null) return toOverview(state);
  if (!isElsewhere(state)) return planFor(state, state.overview, confirmed);
  const { next, effects } = toOverview(state);
  return { next: { ...next, isPlanNext: true }, effects };
}

/**
 * Back to the choice of features. A plan in progress is aborted, and its result is ignored because of its
 * `runId`.
 */
export function toFeatures(state: WizardState, overview: SetupOverview, effects: WizardEffect[]): Transition {
  return {
    next: { ...sharedOf(state), screen: 'features', overview, runId: state.runId + 1 },
    effects,
  };
}

export function installFor(
  state: WizardState,
  overview: SetupOverview,
  summary: NonNullable<PlanState['summary']>,
): Transition {
  const runId = state.runId + 1;
  return {
    next: {
      ...sharedOf(state),
      screen: 'installing',
      runId,
      overview,
      summary,
      progress: startProgress(summary, state.nowMs, state.screen === 'plan' ? state.pace : 1),
      log: { kind: 'follow' },
      isLogFull: false,
      isWrapped: false,
      find: null,
      stopQuestion: null,
      isStopping: false,
      report: null,
      proof: [],
    },
    effects: [{ type: 'install', runId }],
  };
}

/** Initial state of the check screen, beyond the defaults. */
export type CheckStart = Partial<
  Pick<
    CheckState,
    | 'result'
    | 'undone'
    | 'proof'
    | 'costs'
    | 'known'
    | 'repair'
    | 'wantsRepair'
    | 'notice'
    | 'areDetailsOpen'
    | 'hasLog'
  >
>;

/** The check screen: after an installation (with its result), an undo or a repair, or on its own. */
export function checkFor(state: WizardState, start: CheckStart = {}): Transition {
  const runId = state.runId + 1;
  const next = newCheck(state, runId, start);
  return {
    next,
    effects: [{ type: 'check', runId, costs: next.costs, isProven: next.proof.length > 0 }],
  };
}

/** The same checks again, after something they look at has changed. */
export function recheck(state: CheckState): Transition {
  const { result, undone, proof, costs, known, areDetailsOpen, hasLog } = state;
  return checkFor(state, { result, undone, proof, costs, known, areDetailsOpen, hasLog });
}

/** The check screen while the other environment is proved and activated. */
export function undoFor(state: CheckState, target: UndoTarget): Transition {
  const runId = state.runId + 1;
  return {
    next: newCheck(state, runId, { undone: target }),
    effects: [{ type: 'undo', runId }],
  };
}

function newCheck(state: WizardState, runId: number, start: CheckStart): CheckState {
  return {
    ...sharedOf(state),
    screen: 'check',
    runId,
    startedAtMs: state.nowMs,
    isRunning: true,
    isStopping: false,
    listed: [],
    running: [],
    waiting: {},
    checks: [],
    proof: [],
    costs: [],
    known: null,
    durationMs: 0,
    areDetailsOpen: false,
    firstRow: 0,
    result: null,
    undo: null,
    undone: null,
    undoQuestion: null,
    repair: null,
    wantsRepair: false,
    log: { kind: 'follow' },
    hasLog: false,
    isLogOpen: false,
    isWrapped: false,
    find: null,
    notice: null,
    ...start,
  };
}

/** The end. The runner aborts what is still running and waits for it before the program exits. */
export function leave(state: WizardState, exitCode: number, farewell: Farewell): Transition {
  return {
    next: { ...sharedOf(state), screen: 'left', exitCode, farewell },
    effects: [{ type: 'cancel' }, { type: 'exit', code: exitCode }],
  };
}
