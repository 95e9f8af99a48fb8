import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';

/**
 * A text that changes whenever the file does: size, times, inode. Includes ctime, which cannot be set, so a
 * file that was modified and backdated shows too. `null` when there is no file.
 */
export async function fileIdentity(path: string): Promise<string | null> {
  const status = await stat(path, { bigint: true }).catch(() => null);
  return status && identityOf(status);
}

/** The same, from a status that was already read. */
export function identityOf(status: BigIntStats): string {
  return [status.size, status.mtimeNs, status.ctimeNs, status.ino].join(' ');
}
