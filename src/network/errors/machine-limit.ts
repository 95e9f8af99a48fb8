import { machineFailure } from '../../failure/causes/machine-failure.ts';
import { machineReasonOf } from '../../failure/causes/machine-reason.ts';
import type { SetupError } from '../../support/errors.ts';

/**
 * The error for a transfer that failed because this process hit its limit of open files or memory: no host is
 * at fault, and no other source would do better. `null` for any other error.
 */
export function machineLimit(error: unknown): SetupError | null {
  const reason = machineReasonOf(error)?.reason;
  if (reason !== 'too-many-files' && reason !== 'out-of-memory') return null;
  return machineFailure(reason, { cause: error });
}
