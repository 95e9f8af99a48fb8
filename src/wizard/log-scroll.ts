import type { Command, LogPosition, LogWindow, ViewSize } from './state.ts';

/** The first line to show: follows the end, or stays where it was pinned as far as the log still holds it. */
export function firstVisibleLine(position: LogPosition, view: LogWindow): number {
  const last = Math.max(view.logStart, view.logEnd - view.logRows);
  if (position.kind === 'follow') return last;
  return Math.min(Math.max(position.firstLine, view.logStart), last);
}

/** Lines below the ones that are shown: `37 new lines`. */
export function linesBelow(position: LogPosition, view: LogWindow): number {
  return Math.max(0, view.logEnd - firstVisibleLine(position, view) - view.logRows);
}

/** The nearest lines that hold the text, above and below the first one that is shown; letter case does not count. */
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
  // From the end, the newest one is the nearest, on the screen or not.
  const from = position.kind === 'follow' ? view.logEnd : position.firstLine;
  return {
    above: matches.findLast((line) => line < from) ?? null,
    below: position.kind === 'follow' ? null : (matches.find((line) => line > from) ?? null),
  };
}

/** Moving up pins the view; reaching the end by moving down follows again. */
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

/** The first row of a list that is longer than its room, after a command that scrolls it. */
export function scrolledRow(firstRow: number, command: Command, view: ViewSize): number {
  const page = Math.max(1, view.logRows - 1);
  const step =
    { 'scroll-up': -1, 'scroll-down': 1, 'page-up': -page, 'page-down': page }[command as string] ?? 0;
  const from = Math.min(firstRow, view.overflowRows);
  return Math.max(0, Math.min(view.overflowRows, from + step));
}
