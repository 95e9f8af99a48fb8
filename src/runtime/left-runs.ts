import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

export const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Names of runs that are under way or were killed. Cheap: asked by every setup, also when there is nothing to do. */
export async function runIds(runsDir: string): Promise<string[]> {
  const entries = await readdir(runsDir, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() && RUN_ID.test(entry.name)).map(({ name }) => name);
}

/** Names of environments; nothing else in their folder is ever touched. */
export const ENVIRONMENT_ID = /^[0-9a-f]{8}$/;
/** The active one and the one that undo goes to. */
const KEPT_ENVIRONMENTS = 2;

/** Whether a version has more environments than it keeps, or parts of removed ones. Cheap, as `runIds`. */
export async function hasLeftEnvironments(versionDir: string): Promise<boolean> {
  const names = await readdir(join(versionDir, 'envs')).catch(() => []);
  const ids = names.filter((name) => ENVIRONMENT_ID.test(name));
  return ids.length > KEPT_ENVIRONMENTS || names.some((name) => name.endsWith('.removed'));
}
