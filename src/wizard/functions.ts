import type { CheckResult, FailureReport, PlanSummary, SetupResult, SetupStep } from '../core/events.ts';
import type { CheckCost, RepairId } from '../doctor/checks/check.ts';
import type { DoctorEvent } from '../doctor/events.ts';
import type { RepairPlan } from '../doctor/repairs/repair.ts';
import type { UndoTarget } from '../lifecycle/undo.ts';
import type { SetupOverview } from '../setup/overview.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';
import type { PanelAnswer, PanelEffect } from './panels/panels.ts';

export type { UndoTarget } from '../lifecycle/undo.ts';
export type { FeatureOffer, SetupOverview } from '../setup/overview.ts';

export type PlanOutcome =
  | { status: 'ready'; result: SetupResult }
  | { status: 'install'; summary: PlanSummary };

export type InstallOutcome<Plan extends PlanOutcome> = Extract<Plan, { status: 'install' }>;

/** Options and listeners of a run of checks. */
export interface CheckRun {
  costs: readonly CheckCost[];
  isProven: boolean;
  onEvent: (event: DoctorEvent) => void;
}

/** What an effect of a panel can use. */
export interface PanelContext {
  /** With signal and events. */
  setup: SetupOptions;
  /** Sends an interim answer. */
  tell(answer: PanelAnswer): void;
  /** Gives the terminal to a full-screen program, such as an editor, until the work is done. */
  lendTerminal<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * The library functions that the wizard calls. The value of `plan` is passed unchanged to `execute` or
 * `discard`, once: the wizard itself only reads `status`, `result` and `summary`.
 */
export interface WizardFunctions<Plan extends PlanOutcome = PlanOutcome> {
  readOverview(options: SetupOptions): Promise<SetupOverview>;
  plan(options: SetupOptions): Promise<Plan>;
  execute(plan: InstallOutcome<Plan>, options: SetupOptions): Promise<SetupResult>;
  /** Discards a plan that is not executed. */
  discard(plan: InstallOutcome<Plan>): Promise<void>;
  runChecks(options: SetupOptions, run: CheckRun): Promise<CheckResult[]>;
  /** Previews the repairs for these results. Changes nothing. */
  planRepair(results: readonly CheckResult[], options: SetupOptions): Promise<RepairPlan>;
  /**
   * Checks, repairs, checks again. @throws the failure of a repair, after everything was restored;
   * CancelledError.
   */
  repair(
    options: SetupOptions,
    run: CheckRun,
  ): Promise<{ repairs: readonly RepairId[]; after: readonly CheckResult[] }>;
  /** Undoes the last repair. */
  undoRepair(options: SetupOptions): Promise<{ repairs: readonly string[] }>;
  /** The environment that `undo` would switch to; `null` when there is none. Read-only. */
  readUndoTarget(options: SetupOptions): Promise<UndoTarget | null>;
  /** Switches to the other environment, after proving it. */
  undo(options: SetupOptions): Promise<UndoTarget>;
  /** Runs the task of a panel or remedy. @throws SetupError for an invalid value or a failure. */
  runPanel(effect: PanelEffect, context: PanelContext): Promise<PanelAnswer>;
  /** Describes an error for the user. `step` is the one that ran. */
  reportFailure(error: unknown, options: SetupOptions, step: SetupStep | null): Promise<FailureReport>;
}
