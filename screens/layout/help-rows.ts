import { said } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';
import type { KeyHint } from '../../src/wizard/keys.ts';
import { keySentence } from './key-help.ts';
import { bodyRows, contentColumns, isShort, type Size } from './layout.ts';

/** One row of the help: a key or a word, and its sentence or a part of it. */
export interface HelpRow {
  key: string;
  label: string;
  text: string;
}

export const HELP_LABEL_COLUMNS = 13;

/** The keys and words of a screen as sentences, and whether all of them fit below the heading. Pure. */
export function helpRows(
  hints: readonly KeyHint[],
  words: readonly { word: string; meaning: string }[],
  size: Size,
): { rows: readonly HelpRow[]; isWhole: boolean } {
  const width = contentColumns(size) - HELP_LABEL_COLUMNS;
  const entry = (label: string, text: string): HelpRow[] =>
    wrapWords(said(text), width).map((line, index) => ({
      key: `${label} ${index}`,
      label: index === 0 ? label : '',
      text: line,
    }));
  const bySentence = Map.groupBy(hints, keySentence);
  const keys = [...bySentence].flatMap(([sentence, same]) =>
    entry(same.map(({ label }) => label).join(' '), sentence),
  );
  const meanings = words.flatMap(({ word, meaning }) => entry(said(word), meaning));
  const gap: HelpRow[] = meanings.length === 0 ? [] : [{ key: 'gap', label: '', text: '' }];
  const room = bodyRows(size) - (isShort(size) ? 1 : 2);
  const all = [...keys, ...gap, ...meanings];
  const rows = all.length <= room ? all : keys;
  return { rows, isWhole: rows.length <= room };
}

/** Between two keys with their hints. */
export const HINT_GAP = '   ';

/** The hints in rows that fit: none is cut. Pure. */
export function hintRows(hints: readonly KeyHint[], columns: number): readonly (readonly KeyHint[])[] {
  const rows: KeyHint[][] = [];
  let taken = 0;
  for (const hint of hints) {
    const width = columnsOf(`${hint.label} ${said(hint.hint)}`);
    const row = rows.at(-1);
    if (row && taken + HINT_GAP.length + width <= columns) {
      row.push(hint);
      taken += HINT_GAP.length + width;
    } else {
      rows.push([hint]);
      taken = width;
    }
  }
  return rows;
}
