import type { Command, LogPosition, LogWindow, ViewSize } from './state.ts';

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
