import { readdir } from 'node:fs/promises';

const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Names of runs that are under way or were killed. Cheap: asked by every setup, also when there is nothing to do. */
export async function runIds(runsDir: string): Promise<string[]> {
  const names = await readdir(runsDir).catch(() => []);
  return names.filter((name) => RUN_ID.test(name));
}
