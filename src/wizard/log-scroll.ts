import { typedLine } from './panels/field.ts';
import type { Command, LogPosition, LogSearch, LogWindow, ViewSize } from './state.ts';

/** The first visible line: follows the end, or stays pinned as long as the log still holds that line. */
export function firstVisibleLine(position: LogPosition, view: LogWindow): number {
  const last = Math.max(view.logStart, view.logEnd - view.logRows);
  if (position.kind === 'follow') return last;
  return Math.min(Math.max(position.firstLine, view.logStart), last);
}

/** Number of lines below the visible ones: `37 new lines`. */
export function linesBelow(position: LogPosition, view: LogWindow): number {
  return Math.max(0, view.logEnd - firstVisibleLine(position, view) - view.logRows);
}

/** The nearest matching lines above and below the first visible one; case-insensitive. */
export function foundLines(
  lines: readonly string[],
  text: string,
  position: LogPosition,
  view: LogWindow,
): { above: number | null; below: number | null } {
  if (text === '') return { above: null, below: null };
  const wanted = text.toLowerCase();
  const matches = lines.flatMap((line, index) =>
    line.toLowerCase().includes(wanted) ? [view.logStart + index] : [],
  );
  // When following, the newest match is the nearest, visible or not.
  const from = position.kind === 'follow' ? view.logEnd : position.firstLine;
  return {
    above: matches.findLast((line) => line < from) ?? null,
    below: position.kind === 'follow' ? null : (matches.find((line) => line > from) ?? null),
  };
}

/** Scrolling up pins the view; scrolling down to the end follows again. */
export function scrollLog(position: LogPosition, command: Command, view: LogWindow): LogPosition {
  const page = Math.max(1, view.logRows - 1);
  const first = firstVisibleLine(position, view);
  const target = {
    'scroll-up': first - 1,
    'scroll-down': first + 1,
    'page-up': first - page,
    'page-down': first + page,
    'log-start': view.logStart,
    'log-end': view.logEnd,
  }[command as string];
  if (target === undefined) return position;
  const last = Math.max(view.logStart, view.logEnd - view.logRows);
  const firstLine = Math.max(view.logStart, target);
  return firstLine >= last ? { kind: 'follow' } : { kind: 'pinned', firstLine };
}

/** The first visible row of a scrollable list after a scroll command. */
export function scrolledRow(firstRow: number, command: Command, view: ViewSize): number {
  const page = Math.max(1, view.logRows - 1);
  const step =
    { 'scroll-up': -1, 'scroll-down': 1, 'page-up': -page, 'page-down': page }[command as string] ?? 0;
  const from = Math.min(firstRow, view.overflowRows);
  return Math.max(0, Math.min(view.overflowRows, from + step));
}

/** The log of a screen, and the search in it. */
interface SearchableLog {
  log: LogPosition;
  find: LogSearch | null;
  isWrapped: boolean;
}

const MAX_FIND_CHARACTERS = 200;

/** Handles the commands of a search in the log; `null` for others. */
export function onLogSearch<S extends SearchableLog>(state: S, command: Command, view: ViewSize): S | null {
  if (state.find?.isTyping) return onTyping(state, state.find, command, view);
  switch (command) {
    case 'find':
      return { ...state, find: { text: '', isTyping: true } };
    case 'find-above':
    case 'find-below':
      return { ...state, log: foundAt(state.log, view, command === 'find-above' ? 'above' : 'below') };
    case 'toggle-wrap':
      return { ...state, isWrapped: !state.isWrapped };
    case 'back':
      return state.find === null ? null : { ...state, find: null };
    default:
      return null;
  }
}

/** Handles keys while the search text is being typed. */
function onTyping<S extends SearchableLog>(state: S, find: LogSearch, command: Command, view: ViewSize): S {
  switch (command) {
    case 'confirm':
      if (find.text === '') return { ...state, find: null };
      return { ...state, find: { ...find, isTyping: false }, log: foundAt(state.log, view, 'above') };
    case 'erase':
      return { ...state, find: { ...find, text: [...find.text].slice(0, -1).join('') } };
    case 'erase-all':
      return { ...state, find: { ...find, text: '' } };
    case 'back':
      return { ...state, find: null };
    default:
      return state;
  }
}

function foundAt(position: LogPosition, { found }: ViewSize, where: 'above' | 'below'): LogPosition {
  const line = found[where];
  return line === null ? position : { kind: 'pinned', firstLine: line };
}

/** Handles text typed or pasted into the search prompt. */
export function typeIntoSearch<S extends SearchableLog>(state: S, text: string): S {
  const { find } = state;
  if (!find?.isTyping) return state;
  return { ...state, find: { ...find, text: (find.text + typedLine(text)).slice(0, MAX_FIND_CHARACTERS) } };
}
