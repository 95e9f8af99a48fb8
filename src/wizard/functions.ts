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

/** How a doctor looks, and who hears of it. */
export interface CheckRun {
  costs: readonly CheckCost[];
  isProven: boolean;
  onEvent: (event: DoctorEvent) => void;
}

/** What an effect of a panel has at hand. */
export interface PanelContext {
  /** With signal and events. */
  setup: SetupOptions;
  /** What is known before the end. */
  tell(answer: PanelAnswer): void;
  /** Gives the terminal to a program that needs all of it, such as an editor, until the work is done. */
  lendTerminal<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * The library functions that the wizard calls. `plan` gives a value that `execute` or `discard` gets back as it was,
 * once: the wizard reads nothing of it but `status`, `result` and `summary`.
 */
export interface WizardFunctions<Plan extends PlanOutcome = PlanOutcome> {
  readOverview(options: SetupOptions): Promise<SetupOverview>;
  plan(options: SetupOptions): Promise<Plan>;
  execute(plan: InstallOutcome<Plan>, options: SetupOptions): Promise<SetupResult>;
  /** Lets go of a plan that is not carried out. */
  discard(plan: InstallOutcome<Plan>): Promise<void>;
  runChecks(options: SetupOptions, run: CheckRun): Promise<CheckResult[]>;
  /** What the repairs that these results ask for would do. Changes nothing. */
  planRepair(results: readonly CheckResult[], options: SetupOptions): Promise<RepairPlan>;
  /** Looks, repairs, looks again. @throws what stopped a repair, after everything was put back; CancelledError. */
  repair(
    options: SetupOptions,
    run: CheckRun,
  ): Promise<{ repairs: readonly RepairId[]; after: readonly CheckResult[] }>;
  /** Puts back what the last repair changed. */
  undoRepair(options: SetupOptions): Promise<{ repairs: readonly string[] }>;
  /** The environment that `undo` would go to; `null` when there is none. Reads only. */
  readUndoTarget(options: SetupOptions): Promise<UndoTarget | null>;
  /** Goes to the other environment, which proves itself first. */
  undo(options: SetupOptions): Promise<UndoTarget>;
  /** Does what a panel or a remedy asks for. @throws SetupError that says what is wrong with a value, or what failed. */
  runPanel(effect: PanelEffect, context: PanelContext): Promise<PanelAnswer>;
  /** What an error means to a person. `step` is the one that ran. */
  reportFailure(error: unknown, options: SetupOptions, step: SetupStep | null): Promise<FailureReport>;
}
