// biome-ignore lint/style/noRestrictedImports: reads /proc/loadavg, which the kernel makes
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

/**
 * Number of other threads that are running or runnable on this machine now; the load average of the last
 * minute where the system does not count them.
 */
export function runnableCount(): number {
  try {
    // proc(5): three averages, then runnable threads (this one among them) / all threads.
    const [, runnable] = /^(?:\S+ ){3}(\d+)\//.exec(readFileSync('/proc/loadavg', 'utf8')) ?? [];
    if (runnable !== undefined) return Math.max(0, Number(runnable) - 1);
  } catch {
    // No such file on other systems.
  }
  return loadavg()[0] ?? 0;
}
