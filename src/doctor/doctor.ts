import { SetupError, throwIfCancelled } from '../support/errors.ts';
import { LIST_CHECKS } from '../support/remedies.ts';
import { similarNames } from '../support/text/similar-names.ts';
import { DOCTOR_CHECKS } from './all-checks.ts';
import type { Check, CheckCost } from './checks/check.ts';
import type { DoctorTarget } from './checks/context.ts';
import type { DoctorResult } from './events.ts';
import { type RunListOptions, runCheckList } from './run-list.ts';
import { withDependencies } from './schedule.ts';

export interface DoctorOptions extends RunListOptions {
  /** In addition to `offline`. */
  costs?: readonly CheckCost[];
  /** Only these checks and their dependencies. */
  ids?: readonly string[];
}

/**
 * Checks whether the runtime of this CLI version works, and which repairs would fix it. Changes nothing; by
 * default contacts no host, hashes no files and starts no daemon.
 * @throws SetupError for an unknown check id; CancelledError.
 */
export async function runDoctor(target: DoctorTarget, options: DoctorOptions = {}): Promise<DoctorResult[]> {
  throwIfCancelled(options.signal);
  return runCheckList(selectChecks(options), target, options);
}

/** The checks selected by these options. @throws SetupError for an unknown check id. */
function selectChecks({ costs = [], ids }: Pick<DoctorOptions, 'costs' | 'ids'>): Check[] {
  for (const id of ids ?? []) if (!DOCTOR_CHECKS.some((check) => check.id === id)) throw unknownCheck(id);
  if (ids !== undefined) return withDependencies(DOCTOR_CHECKS, ids);
  return DOCTOR_CHECKS.filter(({ cost }) => cost === 'offline' || costs.includes(cost));
}

/** 0: nothing failed and every check ran; 1: a check failed; 3: a check could not run. */
export function doctorExitCode(results: readonly DoctorResult[]): 0 | 1 | 3 {
  if (results.some(({ status }) => status === 'fail')) return 1;
  return results.some(({ status }) => status === 'could-not-check') ? 3 : 0;
}

function unknownCheck(id: string): SetupError {
  const [similar] = similarNames(
    id,
    DOCTOR_CHECKS.map((check) => check.id),
  );
  return new SetupError(`There is no check "${id}".`, {
    failureClass: 'conflict',
    evidence: similar === undefined ? [] : [`a similar one: ${similar}`],
    remedies: [LIST_CHECKS],
  });
}
