import { said, t } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';
import type { PanelLine, PanelView } from '../../src/wizard/panels/panel.ts';
import { isPanelBusy, panelView } from '../../src/wizard/panels/panels.ts';
import type { PanelState } from '../../src/wizard/state.ts';
import { bodyRows, contentColumns, isShort, type Size } from './layout.ts';

/** Rows of a field: label, value, hint. */
const FIELD_ROWS = 3;

const MARK_COLUMNS = 2;
/** A clock beside the title, with a gap. */
const CLOCK_COLUMNS = 11;

/** One row of a panel: a line, or a part of a wrapped one. */
export interface PanelRow {
  key: string;
  text: string;
  mark: PanelLine['mark'];
  tone: NonNullable<PanelLine['tone']>;
}

export interface PanelLayout {
  view: PanelView;
  title: readonly string[];
  rows: readonly PanelRow[];
  /** Available rows. */
  room: number;
  /** Visible choices; more of them scroll. */
  choiceRows: number;
}

/**
 * Allocates the rows of a panel: choices first, up to half of the window, then the lines, which scroll. Pure.
 */
export function panelLayout(state: PanelState, size: Size): PanelLayout {
  const view = panelView(state.panel);
  const width = contentColumns(size);
  const rows = panelRows(view.lines, width);
  // Only a clock or a scroll mark takes room beside the title.
  const wide = layOutBelow(size, view, rows, wrapWords(said(view.title), width - MARK_COLUMNS));
  if (!isPanelBusy(state.panel) && wide.room >= rows.length) return wide;
  const beside = isPanelBusy(state.panel) ? CLOCK_COLUMNS : columnsOf(belowWords(rows.length)) + 1;
  return layOutBelow(size, view, rows, titleBeside(said(view.title), width - MARK_COLUMNS, beside));
}

/** How many rows are below the visible ones, and the key to them. */
export function belowWords(count: number): string {
  return t`${count} more ↓ pgdn`;
}

/** A title whose first line leaves room for something beside it. */
function titleBeside(title: string, width: number, besideColumns: number): string[] {
  const [first = ''] = wrapWords(title, width - besideColumns);
  return [first, ...wrapWords(title.slice(first.length).trim(), width)];
}

function layOutBelow(
  size: Size,
  view: PanelView,
  rows: readonly PanelRow[],
  titleLines: readonly string[],
): PanelLayout {
  const body = bodyRows(size);
  const gap = isShort(size) ? 0 : 1;
  const title = titleLines.slice(0, 3);
  const bottom = view.field ? FIELD_ROWS : view.choices.length;
  const above = title.length + gap;
  const half = Math.max(2, Math.floor((body - above) / 2));
  // Rows that few lines do not need go to the choices.
  const free = body - above - gap - Math.min(rows.length, Math.max(1, half));
  const choiceRows = view.field ? FIELD_ROWS : Math.min(bottom, Math.max(1, free));
  const room = Math.max(1, body - above - (choiceRows > 0 ? choiceRows + gap : 0));
  return { view, title, rows, room, choiceRows };
}

/** Wraps lines to a width, two columns of which are for the marks. */
export function panelRows(lines: readonly PanelLine[], width: number): PanelRow[] {
  return lines.flatMap((line, index) => rowsOf(line, index, width));
}

function rowsOf({ text, mark, tone = 'plain' }: PanelLine, index: number, width: number): PanelRow[] {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const words = said(text.slice(indent.length));
  // A line of a file keeps its spaces if it fits.
  const fits = columnsOf(words) + indent.length <= width - 2;
  const lines = fits ? [indent + words] : wrapWords(words, Math.max(8, width - 2 - indent.length));
  return (lines.length === 0 ? [''] : lines).map((line, part) => ({
    key: `${index} ${part}`,
    text: fits ? line : `${indent}${line}`,
    mark: part === 0 ? mark : undefined,
    tone,
  }));
}
