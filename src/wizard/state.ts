import type { CheckResult, FailureReport, PlanSummary, SetupEvent, SetupResult } from '../core/events.ts';
import type { KtxRuntimeFeature } from '../core/features.ts';
import type { CheckCost, RepairId } from '../doctor/checks/check.ts';
import type { DoctorEvent } from '../doctor/events.ts';
import type { SetupOverview, UndoTarget } from './functions.ts';
import type { SetupChanges } from './panels/changes.ts';
import type { Command } from './panels/command.ts';
import type { Field } from './panels/field.ts';
import { isPanelBusy, type Panel, type PanelAnswer, type PanelEffect } from './panels/panels.ts';
import { isRepairBusy, type RepairPlan, type RepairRun } from './panels/repair-run.ts';
import type { InstallProgress } from './progress.ts';

export type { Command } from './panels/command.ts';

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

export type RetryTarget = 'overview' | 'plan' | 'install' | 'check' | 'panel';

/** What is printed on the normal screen after the wizard has left the alternate one. */
export type Farewell =
  | { kind: 'done'; result: SetupResult; checks: readonly CheckResult[] | null }
  | { kind: 'checked'; checks: readonly CheckResult[] }
  | { kind: 'failed'; report: FailureReport }
  | { kind: 'cancelled'; logPath: string | null }
  /** What was done in a panel. */
  | { kind: 'told'; isOk: boolean; title: string; lines: readonly string[] }
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
  /** There is a `ktx.yaml`: its language model and its model host are offered, too. */
  hasProject: boolean;
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
  /** How much longer than usual this machine takes. */
  pace: number;
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
  /** What is proven so far. */
  proof: readonly CheckResult[];
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
  /** The values that a remedy needs: those that were given, and the one that is typed now. */
  field: { mendingId: string; values: readonly string[]; field: Field } | null;
  /** The remedy that is carried out now, `null` when none is. */
  mendingId: string | null;
  /** The task that failed, to begin it again; `null` for what is none. */
  panel: PanelState | null;
  /** What a remedy did that leaves the failure as it is: `Saved as …`. */
  notice: string | null;
}

export interface CheckState extends Shared {
  screen: 'check';
  startedAtMs: number;
  isRunning: boolean;
  /** An undo was told to stop; it ends before anything else happens. */
  isStopping: boolean;
  /** The checks of this run, in their order; empty before it is known which. */
  listed: readonly CheckListing[];
  /** Ids of those that run now. */
  running: readonly string[];
  /** By id: what a slow check waits for. */
  waiting: Readonly<Record<string, string>>;
  /** What was found so far. */
  checks: readonly CheckResult[];
  /** What an installation has just proven: it is shown, and not asked again. */
  proof: readonly CheckResult[];
  /** Beyond what costs nothing. */
  costs: readonly CheckCost[];
  durationMs: number;
  areDetailsOpen: boolean;
  firstRow: number;
  /** What was installed before the check; `null` when the check was asked for by itself, or that is undone. */
  result: SetupResult | null;
  /** Where `undo` would go, once that is known. */
  undo: UndoTarget | null;
  /** The undo that is under way or was done before this check. */
  undone: UndoTarget | null;
  repair: RepairRun | null;
  /** The preview of the repair is wanted as soon as the checks are done. */
  wantsRepair: boolean;
  /** Of the repair that runs. */
  log: LogPosition;
  /** A sentence of what happened last, such as an undo that was stopped. */
  notice: string | null;
}

/** A check before it has a result. */
export interface CheckListing {
  id: string;
  group: string;
  label: string;
}

/** A task of its own, and the screen that it came from. */
export interface PanelState extends Shared {
  screen: 'panel';
  panel: Panel;
  behind: ReadyState | FeaturesState | PlanState | FailureState | CheckState;
  startedAtMs: number;
  /** The first line that is shown, when there are more than fit. */
  firstRow: number;
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
  | PanelState
  | LeftState;

export type WizardEvent =
  | { type: 'command'; command: Command; view: ViewSize; nowMs: number }
  /** Typed or pasted into a field. */
  | { type: 'text'; text: string }
  | { type: 'tick'; nowMs: number; pace?: number }
  /** SIGTERM, SIGHUP, a terminal that is gone: nobody can be asked any more. */
  | { type: 'terminated' }
  | { type: 'overview'; runId: number; overview: SetupOverview; nowMs: number }
  /** `pace`: how much longer than usual this machine takes, see `paceOfLoad`. */
  | { type: 'planned'; runId: number; summary: PlanSummary; pace?: number; nowMs: number }
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
  | { type: 'doctor'; runId: number; event: DoctorEvent; nowMs: number }
  | { type: 'repair-planned'; runId: number; plan: RepairPlan; nowMs: number }
  | {
      type: 'repaired';
      runId: number;
      repairs: readonly RepairId[];
      checks: readonly CheckResult[];
      nowMs: number;
    }
  | { type: 'repairs-undone'; runId: number; repairs: readonly string[]; nowMs: number }
  /** What came of the effect of a panel, or of a remedy. */
  | { type: 'answer'; runId: number; answer: PanelAnswer; nowMs: number }
  | { type: 'failed'; runId: number; report: FailureReport; nowMs: number }
  | { type: 'cancelled'; runId: number }
  | { type: 'setup-event'; runId: number; event: SetupEvent };

export type WizardEffect =
  | { type: 'overview'; runId: number }
  | { type: 'plan'; runId: number; features: readonly KtxRuntimeFeature[]; shouldForce: boolean }
  /** Executes the plan that the last `plan` effect made. */
  | { type: 'install'; runId: number }
  /** `isProven`: what an installation has just shown is not asked again. */
  | { type: 'check'; runId: number; costs: readonly CheckCost[]; isProven: boolean }
  | { type: 'plan-repair'; runId: number }
  | { type: 'repair'; runId: number; costs: readonly CheckCost[] }
  | { type: 'undo-repair'; runId: number }
  | { type: 'undo'; runId: number }
  | ({ runId: number } & PanelEffect)
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
  hasProject?: boolean | undefined;
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
    hasProject: options.hasProject ?? false,
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
      return state.isRunning || isRepairBusy(state.repair);
    case 'failure':
      return state.mendingId !== null;
    case 'panel':
      return isPanelBusy(state.panel);
    default:
      return false;
  }
}
