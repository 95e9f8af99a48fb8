import type { CheckResult, SetupEvent } from '../core/events.ts';
import type { CheckInfo, RepairId } from './checks/check.ts';
import type { RepairPlan } from './repairs/repair.ts';

/** The result of a check, with the repairs that help, best first. */
export interface DoctorResult extends CheckResult {
  repairs?: readonly RepairId[];
}

/** Every event of checks and repairs: drawn by screens, printed by `--json`, read by tests. */
export type DoctorEvent =
  /** Sent first: the checks that will run. */
  | { type: 'checks'; checks: readonly Omit<CheckInfo, 'timeoutMs'>[] }
  | { type: 'check-started'; id: string }
  /** What a slow check is waiting for. */
  | { type: 'check-waiting'; id: string; text: string }
  | { type: 'check'; check: DoctorResult }
  /** What the repairs will change, sent before they do. */
  | { type: 'repair-plan'; plan: RepairPlan }
  | { type: 'repair-started'; id: RepairId }
  | { type: 'repair-note'; id: RepairId; level: 'info' | 'warning'; text: string }
  /** Progress of a repair that installs: the events of a setup. */
  | { type: 'repair-progress'; id: RepairId; event: SetupEvent }
  | { type: 'repair-finished'; id: RepairId; durationMs: number }
  /** A repair failed; `isRestored`: the state before the run was restored. */
  | { type: 'repair-failed'; id: RepairId; detail: string; isRestored: boolean };
