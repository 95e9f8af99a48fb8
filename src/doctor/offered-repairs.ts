import { REPAIR_IDS, type RepairId } from './checks/check.ts';
import type { DoctorResult } from './events.ts';

/** The repairs for these results, one per finding, in the order of a run. Pure. */
export function offeredRepairs(results: readonly DoctorResult[]): RepairId[] {
  const offered = results.flatMap(({ status, repairs }) => {
    const [first] = repairs ?? [];
    // A warning does not justify deleting downloads.
    const isWanted = first !== undefined && (status === 'fail' || first !== 'free-space');
    return isWanted ? [first] : [];
  });
  return composeRepairs(offered);
}

/**
 * Orders repairs for one run and drops those that another one includes. Pure.
 * A rebuild writes a manifest; it requires a uv that may be run.
 */
export function composeRepairs(ids: Iterable<RepairId>): RepairId[] {
  const wanted = new Set(ids);
  if (wanted.has('rebuild-environment')) {
    wanted.delete('rewrite-manifest');
    wanted.delete('restore-previous');
  }
  if (wanted.has('restore-previous')) wanted.delete('rewrite-manifest');
  return REPAIR_IDS.filter((id) => wanted.has(id));
}
