import type { CheckResult, FailureReport, PlanSummary, SetupEvent, SetupResult } from '../core/events.ts';
import type { KtxRuntimeFeature } from '../core/features.ts';
import type { SetupOverview, UndoTarget } from './functions.ts';
import type { SetupChanges } from './mending.ts';
import type { InstallProgress } from './progress.ts';

/** Which rows of the log are shown. Lines are counted from the start of the run, so a pinned view stays where it is. */
export type LogPosition = { kind: 'follow' } | { kind: 'pinned'; firstLine: number };

/** The part of the log that there is, and the rows for it. */
export interface LogWindow {
  /** Number of the first line that the log still holds. */
  logStart: number;
  /** Number of the line after the last. */
  logEnd: number;
  logRows: number;
}

/** What the reducer must know of the screen to scroll it: it is told with each key, never kept. */
export interface ViewSize extends LogWindow {
  /** Rows by which the check list is longer than its room. */
  overflowRows: number;
  /** The nearest lines with the text that is looked for, above and below the first one that is shown. */
  found: { above: number | null; below: number | null };
}

export type RetryTarget = 'overview' | 'plan' | 'install' | 'check';

/** What is printed on the normal screen after the wizard has left the alternate one. */
export type Farewell =
  | { kind: 'done'; result: SetupResult; checks: readonly CheckResult[] | null }
  | { kind: 'checked'; checks: readonly CheckResult[] }
  | { kind: 'failed'; report: FailureReport }
  | { kind: 'cancelled'; logPath: string | null }
  | { kind: 'left' };

export interface Shared {
  /** Number of the running effect: results that carry another one are of a run that nobody waits for. */
  runId: number;
  /** The wall clock as of the last tick or event, in milliseconds. */
  nowMs: number;
  isHelpOpen: boolean;
  overview: SetupOverview | null;
  feature: KtxRuntimeFeature;
  /** True when the feature was asked for by flag or project, so a runtime without it is no working one. */
  isFeatureRequired: boolean;
  /** Why the feature is preselected: `orders_dbt uses Looker identifier parsing`. */
  featureReason: string | null;
  /** Where the log of an installation is, when that is known. */
  logPath: string | null;
  shouldForce: boolean;
  /** What was changed in the wizard, for every effect from now on. */
  changes: SetupChanges;
}

export interface LoadingState extends Shared {
  screen: 'loading';
}

export interface ReadyState extends Shared {
  screen: 'ready';
  overview: SetupOverview;
  cursor: number;
}

export interface FeaturesState extends Shared {
  screen: 'features';
  overview: SetupOverview;
}

export interface PlanState extends Shared {
  screen: 'plan';
  overview: SetupOverview;
  startedAtMs: number;
  /** What the probes are doing, latest last. */
  activity: readonly string[];
  /** `null` while the probes run. */
  summary: PlanSummary | null;
  /** The plan that was confirmed and failed: one that asks for no more needs no second confirmation. */
  confirmed: PlanSummary | null;
  cursor: number;
}

export interface InstallingState extends Shared {
  screen: 'installing';
  overview: SetupOverview;
  summary: PlanSummary;
  progress: InstallProgress;
  log: LogPosition;
  isLogFull: boolean;
  isWrapped: boolean;
  /** What is looked for in the log; `null`: nothing. */
  find: { text: string; isTyping: boolean } | null;
  /** The question whether to stop; `cursor` 0 is to keep going. */
  stopQuestion: { cursor: number } | null;
  isStopping: boolean;
  /** Told by the installation itself, else made from its error. */
  report: FailureReport | null;
}

export interface FailureState extends Shared {
  screen: 'failure';
  report: FailureReport;
  elapsedMs: number;
  retry: RetryTarget;
  summary: PlanSummary | null;
  /** Steps of the installation, when it got that far: `step 1 of 5`. */
  progress: InstallProgress | null;
  cursor: number;
  /** `null`: the log is not shown. */
  log: LogPosition | null;
  hasLog: boolean;
  /** The value that a remedy needs, as it is typed. */
  field: { mendingId: string; text: string; problem: string | null } | null;
  /** A setting is being stored; then it is tried again. */
  isMending: boolean;
}

export interface CheckState extends Shared {
  screen: 'check';
  startedAtMs: number;
  isRunning: boolean;
  checks: readonly CheckResult[];
  durationMs: number;
  areDetailsOpen: boolean;
  firstRow: number;
  /** What was installed before the check; `null` when the check was asked for by itself, or that is undone. */
  result: SetupResult | null;
  /** Where `undo` would go, once that is known. */
  undo: UndoTarget | null;
  /** The undo that is under way or was done before this check. */
  undone: UndoTarget | null;
}

/** The program ends when the runner has seen everything end that it started. */
export interface LeftState extends Shared {
  screen: 'left';
  exitCode: number;
  farewell: Farewell;
}

export type WizardState =
  | LoadingState
  | ReadyState
  | FeaturesState
  | PlanState
  | InstallingState
  | FailureState
  | CheckState
  | LeftState;

/** What a key means. Which key means what on which screen is in `keys.ts`. */
export type Command =
  | 'previous'
  | 'next'
  | 'confirm'
  | 'back'
  | 'quit'
  | 'interrupt'
  | 'help'
  | 'scroll-up'
  | 'scroll-down'
  | 'page-up'
  | 'page-down'
  | 'log-start'
  | 'log-end'
  | 'toggle-log'
  | 'toggle-wrap'
  | 'find'
  | 'find-above'
  | 'find-below'
  | 'toggle-details'
  | 'undo'
  | 'stop-yes'
  | 'stop-no'
  | 'erase'
  | 'erase-all';

export type WizardEvent =
  | { type: 'command'; command: Command; view: ViewSize; nowMs: number }
  /** Typed or pasted into a field. */
  | { type: 'text'; text: string }
  | { type: 'tick'; nowMs: number }
  /** SIGTERM, SIGHUP, a terminal that is gone: nobody can be asked any more. */
  | { type: 'terminated' }
  | { type: 'overview'; runId: number; overview: SetupOverview; nowMs: number }
  | { type: 'planned'; runId: number; summary: PlanSummary; nowMs: number }
  /** The wanted runtime is there already, so there is nothing to install. */
  | { type: 'already-ready'; runId: number; result: SetupResult; nowMs: number }
  | { type: 'installed'; runId: number; result: SetupResult; nowMs: number }
  | {
      type: 'checked';
      runId: number;
      checks: readonly CheckResult[];
      undo: UndoTarget | null;
      nowMs: number;
    }
  | { type: 'undone'; runId: number; target: UndoTarget; nowMs: number }
  | { type: 'setting-stored'; runId: number; nowMs: number }
  | { type: 'failed'; runId: number; report: FailureReport; nowMs: number }
  | { type: 'cancelled'; runId: number }
  | { type: 'setup-event'; runId: number; event: SetupEvent };

export type WizardEffect =
  | { type: 'overview'; runId: number }
  | { type: 'plan'; runId: number; features: readonly KtxRuntimeFeature[]; shouldForce: boolean }
  /** Executes the plan that the last `plan` effect made. */
  | { type: 'install'; runId: number }
  | { type: 'check'; runId: number }
  | { type: 'undo'; runId: number }
  | { type: 'store-setting'; runId: number; name: string; value: string }
  /** Aborts what runs; its own `cancelled`, `failed` or result follows when it has ended. */
  | { type: 'cancel' }
  | { type: 'exit'; code: number };

export interface Transition {
  next: WizardState;
  effects: readonly WizardEffect[];
}

export interface StartOptions {
  nowMs: number;
  feature?: KtxRuntimeFeature | undefined;
  featureReason?: string | undefined;
  shouldForce?: boolean | undefined;
}

/** The first state and its effect: nothing is asked before it is known what this machine has. */
export function startWizard(options: StartOptions): Transition {
  const next: LoadingState = {
    screen: 'loading',
    runId: 1,
    nowMs: options.nowMs,
    isHelpOpen: false,
    overview: null,
    feature: options.feature ?? 'core',
    isFeatureRequired: options.feature !== undefined,
    featureReason: options.featureReason ?? null,
    logPath: null,
    shouldForce: options.shouldForce ?? false,
    changes: {},
  };
  return { next, effects: [{ type: 'overview', runId: 1 }] };
}

/** True while something runs whose stopping is the exit code 130. Reading the overview starts nothing. */
export function isBusy(state: WizardState): boolean {
  switch (state.screen) {
    case 'installing':
      return true;
    case 'plan':
      return state.summary === null;
    case 'check':
      return state.isRunning;
    case 'failure':
      return state.isMending;
    default:
      return false;
  }
}
