import type { CheckResult, FailureReport, PlanSummary, SetupResult, SetupStep } from '../core/events.ts';
import type { UndoTarget } from '../lifecycle/undo.ts';
import type { SetupOverview } from '../setup/overview.ts';
import type { SetupOptions } from '../setup/request/setup-options.ts';

export type { UndoTarget } from '../lifecycle/undo.ts';
export type { FeatureOffer, SetupOverview } from '../setup/overview.ts';

export type PlanOutcome =
  | { status: 'ready'; result: SetupResult }
  | { status: 'install'; summary: PlanSummary };

export type InstallOutcome<Plan extends PlanOutcome> = Extract<Plan, { status: 'install' }>;

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
  runChecks(options: SetupOptions): Promise<CheckResult[]>;
  /** The environment that `undo` would go to; `null` when there is none. Reads only. */
  readUndoTarget(options: SetupOptions): Promise<UndoTarget | null>;
  /** Goes to the other environment, which proves itself first. */
  undo(options: SetupOptions): Promise<UndoTarget>;
  /** Stores a network setting, for every later run too. @throws SetupError that says what is wrong with the value. */
  storeSetting(name: string, value: string, options: SetupOptions): Promise<void>;
  /** What an error means to a person. `step` is the one that ran. */
  reportFailure(error: unknown, options: SetupOptions, step: SetupStep | null): Promise<FailureReport>;
}
