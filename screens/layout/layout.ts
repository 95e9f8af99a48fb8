import { t } from '../../src/language/translate.ts';
import type { LogSnapshot } from '../../src/present/log-store.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';
import { currentStep } from '../../src/wizard/progress/progress.ts';
import type { LogWindow, WizardState } from '../../src/wizard/state.ts';

export interface Size {
  columns: number;
  rows: number;
}

/** Narrower windows get a single status line; from here on every screen fits its essential content. */
const MIN_COLUMNS = 40;
const MIN_ROWS = 10;
/** From this height on the plan and the features show optional content. */
const ROOMY_ROWS = 17;
const ROOMY_COLUMNS = 64;

export function isTiny(size: Size): boolean {
  return size.columns < MIN_COLUMNS || size.rows < MIN_ROWS;
}

export function isShort(size: Size): boolean {
  return size.rows < ROOMY_ROWS;
}

export function isNarrow(size: Size): boolean {
  return size.columns < ROOMY_COLUMNS;
}

/** Whether there is room for empty rows between the parts of the installation. */
export function isAiry(size: Size): boolean {
  return size.rows >= 22;
}

/**
 * The last row stays empty: a frame as high as the terminal scrolls it, and every frame would leave a copy
 * behind.
 */
export function frameRows(size: Size): number {
  return Math.max(1, size.rows - 1);
}

/** Rows between header and footer. */
export function bodyRows(size: Size): number {
  return Math.max(1, frameRows(size) - (isShort(size) ? 2 : 4));
}

/** Columns between the margins. */
export function contentColumns(size: Size): number {
  return size.columns - (isNarrow(size) ? 0 : 2);
}

/** Rows of the log. Computed, not measured: a measured height arrives one frame late. */
export function logRows(state: WizardState, size: Size): number {
  const room = bodyRows(size) - 1;
  if (state.screen === 'failure' && state.log) return Math.max(1, room);
  if (state.screen === 'check' && state.isLogOpen) return Math.max(1, room);
  if (state.screen === 'check' && state.repair?.phase === 'running') {
    const above = Math.min(state.repair.plan.steps.length + 1, Math.max(1, bodyRows(size) - 6));
    return Math.max(1, room - above - 1 - (isShort(size) ? 0 : 1));
  }
  if (state.screen !== 'installing') return 0;
  const isAsking = state.stopQuestion !== null && !state.isStopping;
  const noticeRows = isAsking
    ? stopQuestionLines(size).length + 1
    : state.isStopping || !state.isLogFull
      ? 1
      : 0;
  const gaps = state.isLogFull || !isAiry(size) ? 0 : 2;
  const above = noticeRows + gaps + (state.isLogFull ? 0 : stepRows(size));
  return Math.max(1, room - above - transferRows(state, size));
}

/** Rows below the log for files in transfer: constant while fetching, so that nothing jumps. */
const TRANSFER_ROWS = 2;

export function transferRows(state: WizardState, size: Size): number {
  if (
    state.screen !== 'installing' ||
    state.isLogFull ||
    !isAiry(size) ||
    state.log.kind !== 'follow' ||
    state.find
  )
    return 0;
  const step = currentStep(state.progress);
  return step.step === 'fetch' && step.status === 'running' ? TRANSFER_ROWS : 0;
}

/** The question is never cut: the log gives up rows instead. */
export function stopQuestionLines(size: Size): string[] {
  return wrapWords(t`Stop the installation? Your current runtime is untouched.`, contentColumns(size));
}

/** All five steps, or only the current one on a short terminal. */
function stepRows(size: Size): number {
  return isShort(size) ? 1 : 5;
}

/** Rows of the check list, below its heading. */
export function checkRoom(size: Size): number {
  return Math.max(1, bodyRows(size) - (isShort(size) ? 1 : 2));
}

/** The available part of the log, and the number of visible rows. */
export function logWindow(state: WizardState, size: Size, log: LogSnapshot): LogWindow {
  return {
    logStart: log.hiddenCount,
    logEnd: log.hiddenCount + log.lines.length,
    logRows: logRows(state, size),
  };
}
