import type { CheckResult } from '../../core/events.ts';
import { DOCTOR_CHECKS } from '../../doctor/all-checks.ts';
import type { DoctorTarget } from '../../doctor/checks/context.ts';
import type { DoctorResult } from '../../doctor/events.ts';
import { offeredRepairs } from '../../doctor/offered-repairs.ts';
import { fixRuntime, planRepairs, undoRepairs } from '../../doctor/repair-run.ts';
import type { RepairOptions, RepairPlan } from '../../doctor/repairs/repair.ts';
import { runCheckList } from '../../doctor/run-list.ts';
import type { SetupOptions } from '../../setup/request/setup-options.ts';
import type { CheckRun } from '../../wizard/functions.ts';
import type { PanelPlace } from './place.ts';

/**
 * The checks of the wizard: all offline ones and the daemon, unless an install has just proven it; more on
 * request.
 */
export function runChecks(
  setup: SetupOptions,
  { costs, isProven, onEvent }: CheckRun,
  place: PanelPlace,
): Promise<CheckResult[]> {
  const checks = DOCTOR_CHECKS.filter(
    ({ id, cost }) => cost === 'offline' || costs.includes(cost) || (id === 'daemon' && !isProven),
  );
  return runCheckList(checks, targetOf(setup, place), {
    signal: setup.signal,
    onEvent,
    isDeep: costs.includes('deep'),
  });
}

export function planRepair(
  results: readonly CheckResult[],
  setup: SetupOptions,
  place: PanelPlace,
): Promise<RepairPlan> {
  const found = results as readonly DoctorResult[];
  return planRepairs(targetOf(setup, place), offeredRepairs(found), {
    ...repairOptions(setup),
    results: found,
  });
}

export function repair(setup: SetupOptions, { costs, onEvent }: CheckRun, place: PanelPlace) {
  return fixRuntime(targetOf(setup, place), { ...repairOptions(setup), costs, onEvent });
}

export function undoRepair(setup: SetupOptions, place: PanelPlace) {
  return undoRepairs(targetOf(setup, place), setup.signal ? { signal: setup.signal } : {});
}

function targetOf(
  { cliVersion, assetDir, runtimeRoot, env, homeDir }: SetupOptions,
  { projectDir }: PanelPlace,
): DoctorTarget {
  return {
    cliVersion,
    projectDir,
    ...(assetDir !== undefined && { assetDir }),
    ...(runtimeRoot !== undefined && { runtimeRoot }),
    ...(env !== undefined && { env }),
    ...(homeDir !== undefined && { homeDir }),
  };
}

function repairOptions({ isOffline, indexUrl, signal }: SetupOptions): RepairOptions {
  return {
    signal,
    ...(isOffline !== undefined && { isOffline }),
    ...(indexUrl !== undefined && { indexUrl }),
  };
}
