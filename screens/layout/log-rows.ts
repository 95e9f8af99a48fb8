import type { LogSnapshot } from '../../src/present/log-store.ts';
import { firstVisibleLine } from '../../src/wizard/log-scroll.ts';
import type { LogPosition, LogWindow } from '../../src/wizard/state.ts';

/** One row of the log: a line, or a part of a wrapped one. */
export interface LogRow {
  text: string;
  /** The line starts in this row, which shows its mark. */
  isStart: boolean;
}

/** The visible rows. An overlong line is cut or wrapped. */
export function visibleLogRows(
  log: LogSnapshot,
  position: LogPosition,
  view: LogWindow,
  columns: number,
  isWrapped: boolean,
): LogRow[] {
  const first = firstVisibleLine(position, view);
  const start = first - log.hiddenCount;
  const lines = log.lines.slice(start, start + view.logRows);
  if (!isWrapped) return lines.map((text) => ({ text, isStart: true }));
  const rows = lines.flatMap((text) => partsOf(text, columns));
  // When following, the last line is shown in full; when pinned, the first one.
  return position.kind === 'follow' ? rows.slice(-view.logRows) : rows.slice(0, view.logRows);
}

function partsOf(text: string, columns: number): LogRow[] {
  const characters = [...text];
  const width = Math.max(8, columns);
  const parts = Math.max(1, Math.ceil(characters.length / width));
  return Array.from({ length: parts }, (_, part) => ({
    text: characters.slice(part * width, (part + 1) * width).join(''),
    isStart: part === 0,
  }));
}
