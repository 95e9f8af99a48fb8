import { machineFailure } from '../../failure/causes/machine-failure.ts';
import { machineReasonOf } from '../../failure/causes/machine-reason.ts';
import type { SetupError } from '../../support/errors.ts';

/**
 * A transfer that failed because this process may open no more files or get no more memory: no host is to blame, and no other source
 * would do better. `null` for every other error.
 */
export function machineLimit(error: unknown): SetupError | null {
  const reason = machineReasonOf(error)?.reason;
  if (reason !== 'too-many-files' && reason !== 'out-of-memory') return null;
  return machineFailure(reason, { cause: error });
}
