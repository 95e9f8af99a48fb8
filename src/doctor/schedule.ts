import type { CheckStatus } from '../core/events.ts';
import type { CheckInfo } from './checks/check.ts';

/** The state of a run of checks. Pure data; the runner executes it. */
export interface Schedule {
  waiting: readonly CheckInfo[];
  running: ReadonlySet<string>;
  settled: ReadonlyMap<string, Settled>;
}

interface Settled {
  status: CheckStatus;
  label: string;
  /**
   * Skipped because of a failed dependency. A check that skips itself, because it does not apply, blocks
   * nothing.
   */
  isBlocked: boolean;
}

export function newSchedule(checks: readonly CheckInfo[]): Schedule {
  return { waiting: checks, running: new Set(), settled: new Map() };
}

/**
 * The next steps: checks to start, in order and at most `limit` at once, and checks to skip because of a
 * dependency, each with the reason. A dependency that is not in the list counts as passed.
 */
export function nextSteps(
  { waiting, running, settled }: Schedule,
  limit: number,
): { start: readonly CheckInfo[]; skip: readonly { check: CheckInfo; reason: string }[] } {
  const isPending = (id: string) => running.has(id) || waiting.some((check) => check.id === id);
  const start: CheckInfo[] = [];
  const skip: { check: CheckInfo; reason: string }[] = [];
  for (const check of waiting) {
    const obstacle = check.dependsOn
      .map((id) => settled.get(id))
      .find((found) => found !== undefined && isObstacle(found));
    if (obstacle !== undefined) skip.push({ check, reason: reasonOf(obstacle) });
    else if (!check.dependsOn.some(isPending) && running.size + start.length < limit) start.push(check);
  }
  return { start, skip };
}

export function started(schedule: Schedule, id: string): Schedule {
  return {
    ...schedule,
    waiting: schedule.waiting.filter((check) => check.id !== id),
    running: new Set(schedule.running).add(id),
  };
}

export function settledWith(
  schedule: Schedule,
  { id, label }: CheckInfo,
  { status, isBlocked }: Pick<Settled, 'status' | 'isBlocked'>,
): Schedule {
  const running = new Set(schedule.running);
  running.delete(id);
  return {
    waiting: schedule.waiting.filter((check) => check.id !== id),
    running,
    settled: new Map(schedule.settled).set(id, { status, label, isBlocked }),
  };
}

/** The checks with these ids, their dependencies and their dependents: what to run again after a repair. */
export function withRelated<T extends CheckInfo>(checks: readonly T[], ids: readonly string[]): T[] {
  const byId = new Map(checks.map((check) => [check.id, check]));
  const wanted = new Set(withDependencies(checks, ids).map(({ id }) => id));
  for (const check of checks) if (dependsOnAny(check, new Set(ids), byId)) wanted.add(check.id);
  return checks.filter(({ id }) => wanted.has(id));
}

/** The checks with these ids and their dependencies. */
export function withDependencies<T extends CheckInfo>(checks: readonly T[], ids: readonly string[]): T[] {
  const byId = new Map(checks.map((check) => [check.id, check]));
  const wanted = new Set<string>();
  const add = (id: string) => {
    if (wanted.has(id)) return;
    wanted.add(id);
    for (const below of byId.get(id)?.dependsOn ?? []) add(below);
  };
  for (const id of ids) add(id);
  return checks.filter(({ id }) => wanted.has(id));
}

function dependsOnAny(
  check: CheckInfo,
  ids: ReadonlySet<string>,
  byId: ReadonlyMap<string, CheckInfo>,
): boolean {
  return check.dependsOn.some((id) => {
    const below = byId.get(id);
    return ids.has(id) || (below !== undefined && dependsOnAny(below, ids, byId));
  });
}

function isObstacle({ status, isBlocked }: Settled): boolean {
  return isBlocked || status === 'fail' || status === 'could-not-check';
}

function reasonOf({ status, label }: Settled): string {
  if (status === 'fail') return `needs "${label}", which failed`;
  return status === 'skipped'
    ? `needs "${label}", which was skipped`
    : `needs "${label}", which could not be checked`;
}
