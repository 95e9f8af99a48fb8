import type { FailureReport } from '../core/events.ts';
import type { CheckCost } from '../doctor/checks/check.ts';
import type { DoctorEvent } from '../doctor/events.ts';
import { canStart, canStop, failedChecks } from './choices.ts';
import { onLogSearch, scrolledRow, scrollLog } from './log-scroll.ts';
import { checkFor, leave, recheck, stay, toFeatures, toOverview, undoFor } from './moves.ts';
import { openPanel } from './panel-commands.ts';
import { openAction } from './panels/action-panel.ts';
import { moved } from './panels/command.ts';
import {
  isRepairable,
  isRepairBusy,
  onRepairEvent,
  REPAIR_CHOICES,
  type RepairPlan,
} from './panels/repair-run.ts';
import type { CheckState, Command, Transition, ViewSize, WizardEvent } from './state.ts';
import { UNDO_CHOICES } from './undo-question.ts';

export function onCheck(
  state: CheckState,
  { command, view }: { command: Command; view: ViewSize },
): Transition {
  const { repair } = state;
  if (repair?.phase === 'asking') return onQuestion(state, repair, command, view);
  if (state.undoQuestion) return onUndoQuestion(state, state.undoQuestion.cursor, command);
  if (isRepairBusy(repair)) return onRepairing(state, command, view);
  if (state.isLogOpen) return onLog(state, command, view);
  switch (command) {
    case 'toggle-log':
    case 'find':
      return state.hasLog ? stay(openLog(state, command)) : stay(state);
    case 'scroll-up':
    case 'scroll-down':
    case 'page-up':
    case 'page-down':
      return stay({ ...state, firstRow: scrolledRow(state.firstRow, command, view) });
    case 'toggle-details':
      return stay({ ...state, areDetailsOpen: !state.areDetailsOpen, firstRow: 0 });
    case 'undo':
      return undo(state);
    case 'repair':
      return state.isRunning || !isRepairable(state.checks) ? stay(state) : planRepair(state);
    case 'deep':
      return state.isRunning ? stay(state) : lookFurther(state, 'deep');
    case 'network':
      return state.isRunning ? stay(state) : lookFurther(state, 'network');
    case 'start':
      return canStart(state) ? openPanel(state, openAction('start')) : stay(state);
    case 'stop':
      return canStop(state) ? openPanel(state, openAction('stop')) : stay(state);
    case 'back':
      return state.isRunning ? stay(state) : toMenu(state);
    case 'interrupt':
      return interrupted(state);
    case 'quit':
      return leaveCheck(state);
    case 'confirm':
      return state.isRunning ? stay(state) : leaveCheck(state);
    default:
      return stay(state);
  }
}

function openLog(state: CheckState, command: 'toggle-log' | 'find'): CheckState {
  const find = command === 'find' ? { text: '', isTyping: true } : null;
  return { ...state, isLogOpen: true, log: { kind: 'follow' }, find };
}

/** The log of the installation, over the checks. */
function onLog(state: CheckState, command: Command, view: ViewSize): Transition {
  if (command === 'quit') return leaveCheck(state);
  if (command === 'interrupt') return interrupted(state);
  const searched = onLogSearch(state, command, view);
  if (searched !== null) return stay(searched);
  if (command === 'back' || command === 'toggle-log') return stay({ ...state, isLogOpen: false });
  return stay({ ...state, log: scrollLog(state.log, command, view) });
}

/** There is no ready menu for a broken runtime. */
function toMenu(state: CheckState): Transition {
  const { overview, result } = state;
  if (result) return toOverview({ ...state, installed: result });
  const isBroken = overview !== null && overview.status.kind !== 'ready' && failedChecks(state) > 0;
  return isBroken ? toFeatures(state, overview, []) : toOverview(state);
}

/** Runs the same checks and additional ones; asked for again, runs all of them again. */
function lookFurther(state: CheckState, cost: CheckCost): Transition {
  const known = state.costs.includes(cost) ? state.known : state.checks.map(({ id }) => id);
  return recheck({ ...state, known, costs: [...new Set([...state.costs, cost])] });
}

/** Undoes the latest change: a repair, else the installation. */
function undo(state: CheckState): Transition {
  if (state.isRunning) return stay(state);
  if (state.repair?.phase === 'done') {
    const runId = state.runId + 1;
    const { repairs } = state.repair;
    return {
      next: { ...state, runId, startedAtMs: state.nowMs, repair: { phase: 'undoing', repairs } },
      effects: [{ type: 'undo-repair', runId }],
    };
  }
  return state.undo ? stay({ ...state, undoQuestion: { cursor: 0 } }) : stay(state);
}

function onUndoQuestion(state: CheckState, cursor: number, command: Command): Transition {
  switch (command) {
    case 'previous':
    case 'next':
    case 'first':
    case 'last':
      return stay({ ...state, undoQuestion: { cursor: moved(cursor, command, UNDO_CHOICES.length) } });
    case 'back':
      return stay({ ...state, undoQuestion: null });
    case 'confirm':
      return UNDO_CHOICES[cursor]?.id === 'switch' && state.undo
        ? undoFor(state, state.undo)
        : stay({ ...state, undoQuestion: null });
    case 'quit':
    case 'interrupt':
      return leaveCheck(state);
    default:
      return stay(state);
  }
}

function planRepair(state: CheckState): Transition {
  const runId = state.runId + 1;
  return {
    next: {
      ...state,
      runId,
      startedAtMs: state.nowMs,
      repair: { phase: 'planning' },
      wantsRepair: false,
      firstRow: 0,
    },
    effects: [{ type: 'plan-repair', runId }],
  };
}

function onQuestion(
  state: CheckState,
  repair: { phase: 'asking'; plan: RepairPlan; cursor: number },
  command: Command,
  view: ViewSize,
): Transition {
  switch (command) {
    case 'previous':
    case 'next': {
      const cursor = moved(repair.cursor, command, REPAIR_CHOICES.length);
      return stay({ ...state, repair: { ...repair, cursor } });
    }
    case 'page-up':
    case 'page-down':
      return stay({ ...state, firstRow: scrolledRow(state.firstRow, command, view) });
    case 'back':
      return stay({ ...state, repair: null, firstRow: 0 });
    case 'confirm':
      return REPAIR_CHOICES[repair.cursor]?.id === 'repair'
        ? startRepair(state, repair.plan)
        : stay({ ...state, repair: null, firstRow: 0 });
    case 'quit':
    case 'interrupt':
      return leaveCheck(state);
    default:
      return stay(state);
  }
}

function startRepair(state: CheckState, plan: RepairPlan): Transition {
  const runId = state.runId + 1;
  return {
    next: {
      ...state,
      runId,
      startedAtMs: state.nowMs,
      repair: { phase: 'running', plan, finished: [], current: null, detail: '', isStopping: false },
      log: { kind: 'follow' },
      firstRow: 0,
    },
    effects: [{ type: 'repair', runId, costs: state.costs }],
  };
}

/** Aborts the running work and waits for it; the undo of a repair is short and is left to finish. */
function onRepairing(state: CheckState, command: Command, view: ViewSize): Transition {
  const { repair } = state;
  if (command !== 'interrupt') return stay({ ...state, log: scrollLog(state.log, command, view) });
  if (repair?.phase === 'planning')
    return { next: { ...state, repair: null }, effects: [{ type: 'cancel' }] };
  if (repair?.phase !== 'running' || repair.isStopping) return stay(state);
  return { next: { ...state, repair: { ...repair, isStopping: true } }, effects: [{ type: 'cancel' }] };
}

/** The undo finishes before the wizard closes, so that it is clear which environment is active. */
function interrupted(state: CheckState): Transition {
  if (!state.isRunning) return leaveCheck(state);
  const isSwitching = state.undone !== null && state.listed.length === 0 && state.checks.length === 0;
  if (!isSwitching) return leave(state, 130, checkFarewell(state));
  return state.isStopping
    ? stay(state)
    : { next: { ...state, isStopping: true }, effects: [{ type: 'cancel' }] };
}

function leaveCheck(state: CheckState): Transition {
  return leave(state, failedChecks(state) > 0 ? 1 : 0, checkFarewell(state));
}

function checkFarewell(state: CheckState) {
  const { checks, result, isRunning } = state;
  if (result) return { kind: 'done' as const, result, checks: isRunning ? null : checks };
  return isRunning ? { kind: 'left' as const } : { kind: 'checked' as const, checks };
}

/** Handles events of the doctor during checks and repairs. */
export function onDoctor(state: CheckState, event: DoctorEvent): CheckState {
  switch (event.type) {
    case 'checks':
      return { ...state, ...mergedListing(state, event.checks), running: [], waiting: {} };
    case 'check-started':
      return { ...state, running: [...state.running, event.id] };
    case 'check-waiting':
      return { ...state, waiting: { ...state.waiting, [event.id]: event.text } };
    case 'check': {
      const { id } = event.check;
      const { [id]: _, ...waiting } = state.waiting;
      const others = state.checks.filter((check) => check.id !== id);
      const running = state.running.filter((each) => each !== id);
      return { ...state, waiting, running, checks: [...others, event.check] };
    }
    default:
      return state.repair ? { ...state, repair: onRepairEvent(state.repair, event) } : state;
  }
}

/** During a repair only some checks run again: the others keep their results. */
function mergedListing(
  { listed, checks, repair }: CheckState,
  again: Extract<DoctorEvent, { type: 'checks' }>['checks'],
): Pick<CheckState, 'listed' | 'checks'> {
  const fresh = again.map(({ id, group, label }) => ({ id, group, label }));
  if (repair === null) return { listed: fresh, checks: [] };
  const ids = new Set(again.map(({ id }) => id));
  const known = new Set(listed.map(({ id }) => id));
  return {
    listed: [...listed, ...fresh.filter(({ id }) => !known.has(id))],
    checks: checks.filter(({ id }) => !ids.has(id)),
  };
}

export function onChecked(
  state: CheckState,
  { checks, undo: target, nowMs }: Extract<WizardEvent, { type: 'checked' }>,
): Transition {
  const next: CheckState = {
    ...state,
    nowMs,
    isRunning: false,
    running: [],
    waiting: {},
    checks,
    undo: target,
    durationMs: nowMs - state.startedAtMs,
  };
  if (!state.wantsRepair) return stay(next);
  return isRepairable(checks)
    ? planRepair(next)
    : stay({ ...next, wantsRepair: false, notice: 'There is nothing to repair.' });
}

export function onRepaired(
  state: CheckState,
  { repairs, checks, nowMs }: Extract<WizardEvent, { type: 'repaired' }>,
): Transition {
  // Checks that the repair did not repeat keep their results.
  const after = new Map(checks.map((check) => [check.id, check]));
  const merged = state.checks.map((check) => after.get(check.id) ?? check);
  const done: CheckState = {
    ...state,
    nowMs,
    checks: merged,
    running: [],
    waiting: {},
    durationMs: nowMs - state.startedAtMs,
    repair: { phase: 'done', repairs },
    firstRow: 0,
  };
  // A check that was skipped because of the repaired problem can run now.
  const isOld = merged.some(({ id, status }) => status !== 'pass' && !after.has(id));
  return isOld ? checkFor(done, { repair: done.repair, costs: state.costs }) : stay(done);
}

/** A repair or its plan failed; the doctor has restored everything by then. */
export function onRepairFailed(state: CheckState, report: FailureReport): Transition | null {
  const { repair } = state;
  if (repair === null || repair.phase === 'asking' || repair.phase === 'done') return null;
  const isRestored = repair.phase !== 'failed' || repair.isRestored;
  const said = repair.phase === 'failed' ? repair.title : report.title;
  return stay({
    ...state,
    running: [],
    waiting: {},
    repair: { phase: 'failed', title: said, isRestored },
    firstRow: 0,
  });
}

/** The aborted work has ended. */
export function onCheckStopped(state: CheckState): Transition {
  const { repair } = state;
  if (repair?.phase === 'running' || repair?.phase === 'failed') {
    const isRestored = repair.phase === 'running' || repair.isRestored;
    return checkFor(state, {
      costs: state.costs,
      repair: { phase: 'failed', title: 'The repair was stopped', isRestored },
    });
  }
  if (!state.isStopping) return stay(state);
  return checkFor(state, {
    notice: 'Stopped. Nothing was switched: the environment that was active still is.',
  });
}
