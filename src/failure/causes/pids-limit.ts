// biome-ignore lint/style/noRestrictedImports: reads control group files, which only the kernel writes
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** An install needs about 30 processes and threads, so a higher limit is not what stopped it. */
const TIGHT = 256;

/**
 * The process limit of this process's control group, as set for containers; `null` when there is none that
 * could stop an install. Format: cgroups(7), versions 1 and 2; in a container the group may be mounted as the
 * root.
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
