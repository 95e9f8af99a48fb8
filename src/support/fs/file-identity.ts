import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * What changes whenever a file does: size, times, inode. The time of change can be set by nobody, so a file that was altered
 * and dated back shows too. `null` when there is none.
 */
export async function fileIdentity(path: string): Promise<string | null> {
  const status = await stat(path, { bigint: true }).catch(() => null);
  return status && identityOf(status);
}

/** The same of a file that was looked at already. */
export function identityOf(status: BigIntStats): string {
  return [status.size, status.mtimeNs, status.ctimeNs, status.ino].join(' ');
}
