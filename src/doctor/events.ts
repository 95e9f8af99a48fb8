import type { CheckResult, SetupEvent } from '../core/events.ts';
import type { CheckInfo, RepairId } from './checks/check.ts';
import type { RepairPlan } from './repairs/repair.ts';

/** What one check found, with the repairs that help from here, best first. */
export interface DoctorResult extends CheckResult {
  repairs?: readonly RepairId[];
}

/** Everything a doctor says while it looks and repairs: what a screen draws, `--json` prints and tests read. */
export type DoctorEvent =
  /** First: the checks that will run. */
  | { type: 'checks'; checks: readonly Omit<CheckInfo, 'timeoutMs'>[] }
  | { type: 'check-started'; id: string }
  /** What a slow check is waiting for. */
  | { type: 'check-waiting'; id: string; text: string }
  | { type: 'check'; check: DoctorResult }
  /** What a run of repairs will touch, before it does. */
  | { type: 'repair-plan'; plan: RepairPlan }
  | { type: 'repair-started'; id: RepairId }
  | { type: 'repair-note'; id: RepairId; level: 'info' | 'warning'; text: string }
  /** The live log of a repair that installs: the events of a setup. */
  | { type: 'repair-progress'; id: RepairId; event: SetupEvent }
  | { type: 'repair-finished'; id: RepairId; durationMs: number }
  /** A repair failed; everything was put back as it was before the run. */
  | { type: 'repair-failed'; id: RepairId; detail: string; isRestored: boolean };
