// biome-ignore lint/style/noRestrictedImports: files of the kernel, which are no files of anybody
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Above it, a limit is not what stopped an install: it needs about 30 processes and threads. */
const TIGHT = 256;

/**
 * How many processes and threads the control group of this process may have, as containers are limited; `null` where there is no limit
 * that an install could meet. Format: cgroups(7), versions 1 and 2; in a container the group may be mounted as the root.
 */
export function tightPidsLimit(proc = '/proc', cgroups = '/sys/fs/cgroup'): number | null {
  const lines = readOrEmpty(join(proc, 'self', 'cgroup')).split('\n');
  const places = lines.flatMap((line) => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === 'pids') return [join(cgroups, 'pids', path), join(cgroups, 'pids')];
    return controllers === '' && line !== '' ? [join(cgroups, path), cgroups] : [];
  });
  const limits = places
    .map((place) => readOrEmpty(join(place, 'pids.max')).trim())
    .filter((text) => /^\d+$/.test(text));
  const limit = Math.min(...limits.map(Number));
  return limit <= TIGHT ? limit : null;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
