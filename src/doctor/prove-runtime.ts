import { DOCTOR_CHECKS } from './all-checks.ts';
import type { CheckGroup } from './checks/check.ts';
import type { DoctorTarget } from './checks/context.ts';
import type { DoctorResult } from './events.ts';
import { type RunListOptions, runCheckList } from './run-list.ts';
import { withDependencies } from './schedule.ts';

/** The groups that decide whether a runtime works. A full disk or a wrong clock is a separate matter. */
const GROUPS: readonly CheckGroup[] = ['Runtime', 'Core', 'Embeddings'];

export interface RuntimeProof {
  results: DoctorResult[];
  /** The first problem, in one sentence; `null` when everything works or was skipped with a reason. */
  problem: string | null;
}

/**
 * Hashes every file of the active environment and its model, starts a daemon, analyses a statement and
 * computes a vector. Changes nothing and contacts no host.
 * @throws CancelledError.
 */
export async function proveRuntime(
  target: DoctorTarget,
  options: Omit<RunListOptions, 'isDeep'> = {},
): Promise<RuntimeProof> {
  const ids = DOCTOR_CHECKS.filter(
    ({ group, cost }) => GROUPS.includes(group) && (cost === 'offline' || cost === 'deep'),
  ).map(({ id }) => id);
  const results = await runCheckList(withDependencies(DOCTOR_CHECKS, ids), target, {
    ...options,
    isDeep: true,
  });
  const failed = results.find(
    ({ group, status }) => status === 'fail' && GROUPS.includes(group as CheckGroup),
  );
  return { results, problem: failed === undefined ? null : `${failed.label}: ${failed.detail}` };
}
