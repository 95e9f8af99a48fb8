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
import type { InstallProgress } from './progress/progress.ts';

export type { Command } from './panels/command.ts';

/** The visible part of the log. Lines are numbered from the start of the run, so a pinned view stays put. */
export type LogPosition = { kind: 'follow' } | { kind: 'pinned'; firstLine: number };

export interface LogSearch {
  text: string;
  isTyping: boolean;
}

/** The available part of the log, and the rows to show it. */
export interface LogWindow {
  /** Number of the first line that the log still holds. */
  logStart: number;
  /** Number of the line after the last. */
  logEnd: number;
  logRows: number;
}

/** Measurements that the reducer needs for scrolling; passed with each key, never stored. */
export interface ViewSize extends LogWindow {
  /** Rows of the check list that do not fit. */
  overflowRows: number;
  /** Columns of the choices of a failure. */
  choiceColumns: 1 | 2;
  /** The nearest search matches above and below the first visible line. */
  found: { above: number | null; below: number | null };
}

export type RetryTarget = 'overview' | 'plan' | 'install' | 'check' | 'panel';

/** Printed on the normal screen after the wizard has left the alternate one. */
export type Farewell =
  /** `told`: what was done after the installation, such as starting the daemon. */
  | {
      kind: 'done';
      result: SetupResult;
      checks: readonly CheckResult[] | null;
      told?: { isOk: boolean; title: string; lines: readonly string[] };
    }
  | { kind: 'checked'; checks: readonly CheckResult[] }
  | { kind: 'failed'; report: FailureReport }
  | { kind: 'cancelled'; logPath: string | null }
  /** The result of a panel. */
  | { kind: 'told'; isOk: boolean; title: string; lines: readonly string[] }
  | { kind: 'left' };

export interface Shared {
  /** Number of the running effect: results with another number are outdated. */
  runId: number;
  /** The wall clock as of the last tick or event, in milliseconds. */
  nowMs: number;
  isHelpOpen: boolean;
  overview: SetupOverview | null;
  feature: KtxRuntimeFeature;
  /** The feature was requested by flag or project, so a runtime without it does not count as working. */
  isFeatureRequired: boolean;
  /** Why the feature is preselected: `orders_dbt uses Looker identifier parsing`. */
  featureReason: string | null;
  /** Path of the install log, if known. */
  logPath: string | null;
  shouldForce: boolean;
  /** Changes made in the wizard; they apply to every effect from now on. */
  changes: SetupChanges;
  /** The installation of this run, while it is the latest change: its summary is printed at the end. */
  installed: SetupResult | null;
  /** There is a `ktx.yaml`, so its language model and model host are offered too. */
  hasProject: boolean;
}

export interface LoadingState extends Shared {
  screen: 'loading';
  /** Go on to the plan of the chosen feature when no runtime is found. */
  isPlanNext?: boolean;
}

export interface ReadyState extends Shared {
  screen: 'ready';
  overview: SetupOverview;
  cursor: number;
  /** A sentence about the last event, such as another folder that was named. */
  notice?: string;
}

export interface FeaturesState extends Shared {
  screen: 'features';
  overview: SetupOverview;
}

export interface PlanState extends Shared {
  screen: 'plan';
  overview: SetupOverview;
  startedAtMs: number;
  /** Recent probe messages, latest last. */
  activity: readonly string[];
  /** `null` while probing. */
  summary: PlanSummary | null;
  /** Slowdown of this machine. */
  pace: number;
  /** A confirmed plan that failed: a new plan that needs no more is not confirmed again. */
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
  /** The search in the log; `null`: none. */
  find: LogSearch | null;
  /** The question whether to stop; `cursor` 0 is "keep going". */
  stopQuestion: { cursor: number } | null;
  isStopping: boolean;
  /** Emitted by the installation, else derived from its error. */
  report: FailureReport | null;
  /** Proof results so far. */
  proof: readonly CheckResult[];
}

export interface FailureState extends Shared {
  screen: 'failure';
  report: FailureReport;
  elapsedMs: number;
  retry: RetryTarget;
  summary: PlanSummary | null;
  /** Progress of the installation, if it got that far: `step 1 of 5`. */
  progress: InstallProgress | null;
  cursor: number;
  /** `null`: the log is hidden. */
  log: LogPosition | null;
  hasLog: boolean;
  /** The values of a remedy: those given so far, and the one being typed. */
  field: { mendingId: string; values: readonly string[]; field: Field } | null;
  /** The remedy being applied, or `null`. */
  mendingId: string | null;
  /** The panel task that failed, for a retry; `null` for other failures. */
  panel: PanelState | null;
  /** The result of a remedy that does not resolve the failure: `Saved as …`. */
  notice: string | null;
}

export interface CheckState extends Shared {
  screen: 'check';
  startedAtMs: number;
  isRunning: boolean;
  /** An undo is being aborted; nothing else starts before it ends. */
  isStopping: boolean;
  /** The checks of this run, in order; empty until known. */
  listed: readonly CheckListing[];
  /** Ids of the running checks. */
  running: readonly string[];
  /** What slow checks are waiting for, by id. */
  waiting: Readonly<Record<string, string>>;
  /** Results so far. */
  checks: readonly CheckResult[];
  /** Results that an installation has just proven: shown, not repeated. */
  proof: readonly CheckResult[];
  /** In addition to the offline checks. */
  costs: readonly CheckCost[];
  /** Ids of the checks before more were asked for: groups with others stand first, open. `null`: none were. */
  known: readonly string[] | null;
  durationMs: number;
  areDetailsOpen: boolean;
  firstRow: number;
  /** The installation before these checks; `null` for a check on its own, or after an undo. */
  result: SetupResult | null;
  /** Target of `undo`, once known. */
  undo: UndoTarget | null;
  /** The undo in progress or done before these checks. */
  undone: UndoTarget | null;
  /** The question whether to switch to the target of `undo`. */
  undoQuestion: { cursor: number } | null;
  repair: RepairRun | null;
  /** Show the preview of the repair when the checks are done. */
  wantsRepair: boolean;
  /** Of the running repair, or of the installation before. */
  log: LogPosition;
  /** There is a log of an installation to read. */
  hasLog: boolean;
  isLogOpen: boolean;
  isWrapped: boolean;
  /** The search in the log; `null`: none. */
  find: LogSearch | null;
  /** A sentence about the last event, such as an aborted undo. */
  notice: string | null;
}

/** A check without a result yet. */
export interface CheckListing {
  id: string;
  group: string;
  label: string;
}

/** A panel, and the screen behind it. */
export interface PanelState extends Shared {
  screen: 'panel';
  panel: Panel;
  behind: ReadyState | FeaturesState | PlanState | FailureState | CheckState;
  startedAtMs: number;
  /** The first visible line when not all fit. */
  firstRow: number;
}

/** The wizard is closed; the program exits once everything it started has ended. */
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
  /** SIGTERM, SIGHUP or a closed terminal: no more questions can be asked. */
  | { type: 'terminated' }
  | { type: 'overview'; runId: number; overview: SetupOverview; nowMs: number }
  /** `pace`: slowdown of this machine, see `paceOfLoad`. */
  | { type: 'planned'; runId: number; summary: PlanSummary; pace?: number; nowMs: number }
  /** The runtime already satisfies the request; nothing to install. */
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
  /** The result of a panel's or remedy's effect. */
  | { type: 'answer'; runId: number; answer: PanelAnswer; nowMs: number }
  | { type: 'failed'; runId: number; report: FailureReport; nowMs: number }
  | { type: 'cancelled'; runId: number }
  | { type: 'setup-event'; runId: number; event: SetupEvent };

export type WizardEffect =
  | { type: 'overview'; runId: number }
  | { type: 'plan'; runId: number; features: readonly KtxRuntimeFeature[]; shouldForce: boolean }
  /** Executes the last plan. */
  | { type: 'install'; runId: number }
  /** `isProven`: does not repeat what an installation has just proven. */
  | { type: 'check'; runId: number; costs: readonly CheckCost[]; isProven: boolean }
  | { type: 'plan-repair'; runId: number }
  | { type: 'repair'; runId: number; costs: readonly CheckCost[] }
  | { type: 'undo-repair'; runId: number }
  | { type: 'undo'; runId: number }
  | ({ runId: number } & PanelEffect)
  /** Aborts the running effect; its own `cancelled`, `failed` or result follows when it has ended. */
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

/** The initial state and its effect: nothing is asked before this machine was examined. */
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
    installed: null,
    hasProject: options.hasProject ?? false,
  };
  return { next, effects: [{ type: 'overview', runId: 1 }] };
}

/** True while an effect runs whose interruption means exit code 130. Reading the overview is not one. */
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
