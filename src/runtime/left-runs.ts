import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Ids of runs that are active or were killed. Cheap: every setup asks, even when there is nothing to do. */
export async function runIds(runsDir: string): Promise<string[]> {
  const entries = await readdir(runsDir, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name)).map(({ name }) => name);
}

/** Names of environments; nothing else in that folder is ever touched. */
export const ENVIRONMENT_ID = /^[0-9a-f]{8}$/;
/** The active environment and the target of undo. */
const KEPT_ENVIRONMENTS = 2;

/**
 * Whether a version has more environments than it keeps, or remains of removed ones. Cheap, like `runIds`.
 */
export async function hasLeftEnvironments(versionDir: string): Promise<boolean> {
  const names = await readdir(join(versionDir, 'envs')).catch(() => []);
  const ids = names.filter((name) => ENVIRONMENT_ID.test(name));
  return ids.length > KEPT_ENVIRONMENTS || names.some((name) => name.endsWith('.removed'));
}
