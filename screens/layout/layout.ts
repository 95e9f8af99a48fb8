import { t } from '../../src/language/translate.ts';
import type { LogSnapshot } from '../../src/present/log-store.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';
import { currentStep } from '../../src/wizard/progress.ts';
import type { LogWindow, WizardState } from '../../src/wizard/state.ts';

export interface Size {
  columns: number;
  rows: number;
}

/** Below this there is one status line; above it every screen has room for what it must say. */
const MIN_COLUMNS = 40;
const MIN_ROWS = 10;
/** From here the plan and the features show what is nice to have, too. */
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

/** Room for empty rows between the parts of the installation. */
export function isAiry(size: Size): boolean {
  return size.rows >= 22;
}

/** The last row stays empty: a frame as high as the terminal makes it scroll, and each frame leaves a copy behind. */
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

/** Rows of the log on the screens that show one. Rows are counted, not measured: a measured height comes a frame late. */
export function logRows(state: WizardState, size: Size): number {
  const room = bodyRows(size) - 1;
  if (state.screen === 'failure' && state.log) return Math.max(1, room);
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

/** Rows below the log for the files that arrive: always as many while files are fetched, so that nothing jumps. */
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

/** The question is never cut: the log makes room. */
export function stopQuestionLines(size: Size): string[] {
  return wrapWords(t`Stop the installation? Your current runtime is untouched.`, contentColumns(size));
}

/** All five steps, or on a short terminal the one that counts. */
function stepRows(size: Size): number {
  return isShort(size) ? 1 : 5;
}

/** Rows for the check list, below its heading. */
export function checkRoom(size: Size): number {
  return Math.max(1, bodyRows(size) - (isShort(size) ? 1 : 2));
}

/** Which part of the log there is, and how much of it there is room for. */
export function logWindow(state: WizardState, size: Size, log: LogSnapshot): LogWindow {
  return {
    logStart: log.hiddenCount,
    logEnd: log.hiddenCount + log.lines.length,
    logRows: logRows(state, size),
  };
}
