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
  /** Beside what is offline. */
  costs?: readonly CheckCost[];
  /** Only these, and what they depend on. */
  ids?: readonly string[];
}

/**
 * Looks whether the runtime of this CLI version works, and says what would mend it. Changes nothing; by default asks no host, hashes no
 * tree and starts no daemon.
 * @throws SetupError for an id that no check has; CancelledError.
 */
export async function runDoctor(target: DoctorTarget, options: DoctorOptions = {}): Promise<DoctorResult[]> {
  throwIfCancelled(options.signal);
  return runCheckList(selectChecks(options), target, options);
}

/** The checks that these options ask for. @throws SetupError for an id that no check has. */
export function selectChecks({ costs = [], ids }: Pick<DoctorOptions, 'costs' | 'ids'>): Check[] {
  for (const id of ids ?? []) if (!DOCTOR_CHECKS.some((check) => check.id === id)) throw unknownCheck(id);
  if (ids !== undefined) return withDependencies(DOCTOR_CHECKS, ids);
  return DOCTOR_CHECKS.filter(({ cost }) => cost === 'offline' || costs.includes(cost));
}

/** 0: nothing failed and everything was looked at; 1: something failed; 3: something could not be checked. */
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
