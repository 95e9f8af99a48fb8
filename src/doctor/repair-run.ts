import { withWriteAccess } from '../runtime/write-access.ts';
import { CancelledError, errorMessage, SetupError, throwIfCancelled } from '../support/errors.ts';
import { LIST_CHECKS } from '../support/remedies.ts';
import { DOCTOR_CHECKS } from './all-checks.ts';
import { REPAIR_IDS, type RepairId } from './checks/check.ts';
import { checkSurroundings, type DoctorTarget } from './checks/context.ts';
import { type DoctorOptions, runDoctor } from './doctor.ts';
import type { DoctorEvent, DoctorResult } from './events.ts';
import { type Backup, removeOtherBackups, restoreBackup, startBackup } from './repairs/backup.ts';
import { composeRepairs, repairOf } from './repairs/list.ts';
import type { RepairContext, RepairOptions, RepairPlan } from './repairs/repair.ts';
import { runCheckList } from './run-list.ts';
import { withRelated } from './schedule.ts';

/** A repair may uncover what it could not see before: an obstacle that hid a broken environment. */
const MAX_ROUNDS = 4;

export interface FixOptions extends RepairOptions {
  /** These repairs and no others; absent: what the failed checks offer first. */
  repairs?: readonly RepairId[];
  costs?: DoctorOptions['costs'];
  onEvent?: ((event: DoctorEvent) => void) | undefined;
}

export interface FixResult {
  /** In the order in which they were applied. */
  repairs: readonly RepairId[];
  /** What the checks said before, and what they say now. */
  before: readonly DoctorResult[];
  after: readonly DoctorResult[];
}

/** The repairs that these results ask for, one for each finding, in the order of a run. Pure. */
export function offeredRepairs(results: readonly DoctorResult[]): RepairId[] {
  const offered = results.flatMap(({ status, repairs }) => {
    const [first] = repairs ?? [];
    // A warning is no reason to delete downloads.
    const isWanted = first !== undefined && (status === 'fail' || first !== 'free-space');
    return isWanted ? [first] : [];
  });
  return composeRepairs(offered);
}

/** What these repairs would do now. Changes nothing; may ask the hosts that an install would ask. */
export async function planRepairs(
  target: DoctorTarget,
  ids: readonly RepairId[],
  options: RepairOptions & { results?: readonly DoctorResult[] } = {},
): Promise<RepairPlan> {
  const steps: RepairPlan['steps'][number][] = [];
  for (const id of composeRepairs(ids)) {
    throwIfCancelled(options.signal);
    const repair = repairOf(id);
    const step = await repair.plan(repairContext(target, options, id)).catch((error: unknown) => {
      if (error instanceof CancelledError) throw error;
      // What stands before it in the run may be why it cannot be planned yet; alone it says why it cannot be done.
      if (composeRepairs(ids).length === 1) throw error;
      const what = `Cannot be planned before the repairs above: ${errorMessage(error)}`;
      return { what, paths: [], downloadBytes: null, hosts: [], worksOffline: false, canUndo: true };
    });
    steps.push({ id, label: repair.label, ...step });
  }
  const reasons = (options.results ?? [])
    .filter(({ repairs = [] }) => repairs.some((id) => ids.includes(id)))
    .map(({ id }) => id);
  return { steps, reasons };
}

/**
 * Looks, applies what mends the findings, and looks again at what failed and what depends on it, until nothing is left that a repair
 * would mend. All that is changed is kept in one backup: when a repair fails, everything is put back.
 * @throws what stopped a repair, after everything was put back; CancelledError.
 */
export async function fixRuntime(target: DoctorTarget, options: FixOptions = {}): Promise<FixResult> {
  const { onEvent, signal, costs = [] } = options;
  const before = await runDoctor(target, { costs, onEvent, signal });
  const { runtimeRoot } = checkSurroundings(target, { isDeep: false, signal: neverStops() }).layout;
  const backup = startBackup(runtimeRoot);
  const applied: RepairId[] = [];
  let after = before;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const chosen = options.repairs === undefined ? offeredRepairs(after) : round === 0 ? options.repairs : [];
    const ids = composeRepairs(chosen).filter((id) => !applied.includes(id));
    if (ids.length === 0) break;
    const plan = await orPutBack(backup, planRepairs(target, ids, { ...options, results: after }));
    onEvent?.({ type: 'repair-plan', plan });
    for (const id of ids) {
      await applyOne(target, id, backup, options);
      applied.push(id);
    }
    after = await orPutBack(backup, lookAgain(target, after, options));
  }
  if (applied.length > 0) {
    await backup.save();
    await removeOtherBackups(runtimeRoot, backup.dir).catch(() => {});
  }
  return { repairs: applied, before, after };
}

/** What earlier rounds changed must not stay when a later one cannot even be planned. */
async function orPutBack<T>(backup: Backup, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    await backup.restore();
    throw error;
  }
}

/** Puts back what the last run of repairs changed. @throws SetupError when there is nothing to undo. */
export async function undoRepairs(
  target: DoctorTarget,
  options: { signal?: AbortSignal } = {},
): Promise<{ repairs: readonly string[] }> {
  const { runtimeRoot, cliVersion } = checkSurroundings(target, {
    isDeep: false,
    signal: neverStops(),
  }).layout;
  const access = {
    runtimeRoot,
    versions: [cliVersion],
    step: 'undo',
    note: () => {},
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  return withWriteAccess(access, () => restoreBackup(runtimeRoot));
}

/** The id of a repair as somebody typed it. @throws SetupError for another text. */
export function repairId(text: string): RepairId {
  const id = REPAIR_IDS.find((known) => known === text);
  if (id !== undefined) return id;
  throw new SetupError(`There is no repair "${text}".`, {
    failureClass: 'conflict',
    evidence: [`repairs: ${REPAIR_IDS.join(', ')}`],
    remedies: [LIST_CHECKS],
  });
}

async function applyOne(
  target: DoctorTarget,
  id: RepairId,
  backup: Backup,
  options: FixOptions,
): Promise<void> {
  const { onEvent } = options;
  const startedAt = performance.now();
  onEvent?.({ type: 'repair-started', id });
  backup.addRepair(id);
  try {
    throwIfCancelled(options.signal);
    const context = repairContext(target, options, id, { backup, onEvent });
    await repairOf(id).apply(context, backup);
    onEvent?.({ type: 'repair-finished', id, durationMs: Math.round(performance.now() - startedAt) });
  } catch (error) {
    const problem = await backup.restore().then(
      () => null,
      (reason: unknown) => errorMessage(reason),
    );
    const detail =
      problem === null
        ? errorMessage(error)
        : `${errorMessage(error)}; not everything could be put back: ${problem}`;
    onEvent?.({ type: 'repair-failed', id, detail, isRestored: problem === null });
    throw error;
  }
}

/** Results with those of the checks that did not pass, and of all that depend on them, replaced by new ones. */
async function lookAgain(
  target: DoctorTarget,
  results: readonly DoctorResult[],
  { onEvent, signal, costs = [] }: FixOptions,
): Promise<DoctorResult[]> {
  const ids = results.filter(({ status }) => status !== 'pass').map(({ id }) => id);
  const related = withRelated(DOCTOR_CHECKS, ids).filter(({ id }) =>
    results.some((result) => result.id === id),
  );
  const isDeep = costs.includes('deep');
  const fresh = await runCheckList(related, target, { onEvent, signal, isDeep });
  return results.map((result) => fresh.find(({ id }) => id === result.id) ?? result);
}

function repairContext(
  target: DoctorTarget,
  options: RepairOptions,
  id: RepairId,
  run: { backup: Backup | null; onEvent?: FixOptions['onEvent'] } = { backup: null },
): RepairContext {
  const { isDeep: _, ...surroundings } = checkSurroundings(target, {
    isDeep: false,
    signal: options.signal ?? neverStops(),
  });
  return {
    ...surroundings,
    options,
    backup: run.backup,
    onProgress: (event) => run.onEvent?.({ type: 'repair-progress', id, event }),
    note: (level, text) => run.onEvent?.({ type: 'repair-note', id, level, text }),
  };
}

function neverStops(): AbortSignal {
  return new AbortController().signal;
}
