import { basename } from 'node:path';
import { readWriteMark, withWriteAccess } from '../runtime/write-access.ts';
import { CancelledError, errorMessage, SetupError, throwIfCancelled } from '../support/errors.ts';
import { LIST_CHECKS } from '../support/remedies.ts';
import { DOCTOR_CHECKS } from './all-checks.ts';
import { REPAIR_IDS, type RepairId } from './checks/check.ts';
import { checkSurroundings, type DoctorTarget } from './checks/context.ts';
import { type DoctorOptions, runDoctor } from './doctor.ts';
import type { DoctorEvent, DoctorResult } from './events.ts';
import { composeRepairs, offeredRepairs } from './offered-repairs.ts';
import { type Backup, removeOtherBackups, restoreBackup, startBackup } from './repairs/backup.ts';
import { repairOf } from './repairs/list.ts';
import type { RepairContext, RepairOptions, RepairPlan } from './repairs/repair.ts';
import { runCheckList } from './run-list.ts';
import { withRelated } from './schedule.ts';

/** A repair may reveal a further problem, such as a broken environment behind an obstacle. */
const MAX_ROUNDS = 4;

export interface FixOptions extends RepairOptions {
  /** Only these repairs; undefined: the first offer of each failed check. */
  repairs?: readonly RepairId[];
  costs?: DoctorOptions['costs'];
  onEvent?: ((event: DoctorEvent) => void) | undefined;
}

export interface FixResult {
  /** In the order they were applied. */
  repairs: readonly RepairId[];
  /** The results before and after the repairs. */
  before: readonly DoctorResult[];
  after: readonly DoctorResult[];
}

/** What these repairs would do now. Changes nothing; may contact the hosts that an install would. */
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
      // An earlier repair of the same run may fix this; a single repair reports why it is impossible.
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

/** The state of a repair run. */
interface Run {
  readonly target: DoctorTarget;
  readonly options: FixOptions;
  readonly backup: Backup;
  readonly applied: RepairId[];
  results: readonly DoctorResult[];
  current: RepairId | null;
  isPutBack: boolean;
}

/** Repairs that may be needed before the locks can be taken. */
const LOCK_REPAIRS: readonly RepairId[] = ['mend-permissions', 'clear-obstacle', 'release-lock'];

/**
 * Checks, applies the repairs for the findings, and checks again what failed and what depends on it, until no
 * repair is left. Holds the locks from the plan to the last check, except during the repairs that make
 * locking possible. Every change goes into one backup: when a repair fails, everything is restored.
 * @throws the failure of a repair, after everything was restored; CancelledError.
 */
export async function fixRuntime(target: DoctorTarget, options: FixOptions = {}): Promise<FixResult> {
  const { onEvent, signal, costs = [] } = options;
  const { runtimeRoot, versionDir } = layoutOf(target);
  const mark = await readWriteMark(runtimeRoot);
  const look = () => runDoctor(target, { costs, isDeep: costs.includes('deep'), onEvent, signal });
  const before = await look();
  const wanted = composeRepairs(options.repairs ?? offeredRepairs(before));
  if (wanted.length === 0) return { repairs: [], before, after: before };
  const note: RepairContext['note'] = (level, text) =>
    onEvent?.({ type: 'repair-note', id: wanted[0]!, level, text });
  const run: Run = {
    target,
    options,
    backup: startBackup(runtimeRoot, ({ path, what }) =>
      note('warning', `Undo cannot bring back ${path}: ${what} cannot be copied there.`),
    ),
    applied: [],
    results: before,
    current: null,
    isPutBack: false,
  };
  const access = {
    runtimeRoot,
    versions: [basename(versionDir)],
    step: 'repair',
    note,
    ...(signal ? { signal } : {}),
  };
  await orPutBack(run, async () => {
    await applyRounds(run, (id) => LOCK_REPAIRS.includes(id));
    await withWriteAccess(access, ({ hasChangedSince }) =>
      orPutBack(run, async () => {
        // Another process may have changed the runtime while this one waited for the locks.
        if (run.applied.length === 0 && hasChangedSince(mark)) run.results = await look();
        await applyRounds(run);
        await run.backup.save();
      }),
    );
  });
  if (run.applied.length > 0) await removeOtherBackups(runtimeRoot, run.backup.dir).catch(() => {});
  return { repairs: run.applied, before, after: run.results };
}

/** A repair may reveal the next problem, such as a second obstacle below the first. */
async function applyRounds(run: Run, isWanted: (id: RepairId) => boolean = () => true): Promise<void> {
  const { repairs } = run.options;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const chosen = repairs === undefined ? offeredRepairs(run.results) : round === 0 ? repairs : [];
    const ids = composeRepairs(chosen).filter((id) => !run.applied.includes(id) && isWanted(id));
    if (ids.length === 0) return;
    await applyRound(run, ids);
  }
}

async function applyRound(run: Run, ids: readonly RepairId[]): Promise<void> {
  const { target, options, backup, results } = run;
  const { onEvent } = options;
  const plan = await planRepairs(target, ids, { ...options, results });
  onEvent?.({ type: 'repair-plan', plan });
  for (const id of ids) {
    const startedAt = performance.now();
    onEvent?.({ type: 'repair-started', id });
    run.current = id;
    throwIfCancelled(options.signal);
    backup.addRepair(id);
    await repairOf(id).apply(repairContext(target, options, id, { backup, onEvent }), backup);
    run.current = null;
    run.applied.push(id);
    onEvent?.({ type: 'repair-finished', id, durationMs: Math.round(performance.now() - startedAt) });
  }
  run.results = await lookAgain(run);
}

/** A repair failed, and so did restoring the state before it. */
export class NotPutBackError extends SetupError {
  constructor(error: unknown, problem: string, backupDir: string) {
    super(`${errorMessage(error).replace(/\.?$/, '.')} Not everything could be put back: ${problem}`, {
      failureClass: 'conflict',
      cause: error,
      evidence: [`what was there before is in ${backupDir}`],
    });
    this.name = 'NotPutBackError';
  }
}

/** On failure, restores the changes of all steps so far, before the locks are released. */
async function orPutBack(run: Run, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!run.isPutBack) {
      run.isPutBack = true;
      const problem = await run.backup.restore().then(
        () => null,
        (reason: unknown) => errorMessage(reason),
      );
      const left = problem === null ? '' : `; not everything could be put back: ${problem}`;
      const detail = `${errorMessage(error)}${left}`;
      if (run.current !== null)
        run.options.onEvent?.({
          type: 'repair-failed',
          id: run.current,
          detail,
          isRestored: problem === null,
        });
      if (problem !== null) throw new NotPutBackError(error, problem, run.backup.dir);
    }
    throw error;
  }
}

/** Undoes the last run of repairs. @throws SetupError when there is nothing to undo. */
export async function undoRepairs(
  target: DoctorTarget,
  options: { signal?: AbortSignal } = {},
): Promise<{ repairs: readonly string[] }> {
  const { runtimeRoot, versionDir } = layoutOf(target);
  const access = {
    runtimeRoot,
    versions: [basename(versionDir)],
    step: 'undo',
    note: () => {},
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  return withWriteAccess(access, () => restoreBackup(runtimeRoot));
}

/** Parses a repair id given by the user. @throws SetupError for an unknown one. */
export function repairId(text: string): RepairId {
  const id = REPAIR_IDS.find((known) => known === text);
  if (id !== undefined) return id;
  throw new SetupError(`There is no repair "${text}".`, {
    failureClass: 'conflict',
    evidence: [`repairs: ${REPAIR_IDS.join(', ')}`],
    remedies: [LIST_CHECKS],
  });
}

/** Runs the checks that did not pass again, and everything that depends on them; keeps the other results. */
async function lookAgain({ target, results, options }: Run): Promise<DoctorResult[]> {
  const { onEvent, signal, costs = [] } = options;
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

function layoutOf(target: DoctorTarget) {
  return checkSurroundings(target, { isDeep: false, signal: neverStops() }).layout;
}

function neverStops(): AbortSignal {
  return new AbortController().signal;
}
