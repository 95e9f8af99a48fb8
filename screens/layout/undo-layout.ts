import { wrapWords } from '../../src/support/text/wrap-words.ts';
import type { UndoTarget } from '../../src/wizard/functions.ts';
import { undoLines, undoTitle } from '../../src/wizard/undo-question.ts';
import { bodyRows, contentColumns, isNarrow, isShort, type Size } from './layout.ts';
import { type PanelRow, panelRows } from './panel-layout.ts';

/** The question before an undo on the checks: both environments always, the note below them where it has room. Pure. */
export function undoLayout(target: UndoTarget, size: Size): { title: string[]; rows: readonly PanelRow[] } {
  const width = contentColumns(size);
  const title = wrapWords(undoTitle(target), width);
  const lines = undoLines(target, isNarrow(size));
  const whole = panelRows(lines, width);
  const room = bodyRows(size) - title.length - (isShort(size) ? 1 : 3);
  return { title, rows: whole.length <= room ? whole : panelRows(lines.slice(0, 2), width) };
}
