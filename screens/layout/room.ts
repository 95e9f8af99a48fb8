import { said } from '../../src/language/translate.ts';
import { columnsOf, startOf } from '../../src/support/text/columns.ts';
import { formatCount } from '../../src/support/text/format.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';

/** Rows allocated by priority: later requests may get none. */
export interface Room {
  /** Remaining rows. */
  left(): number;
  /** Takes all of these rows, or none and returns false. */
  take(rows: number): boolean;
  /** Takes the leading items that fit, each of some rows. Stops at the first that does not fit. */
  takeSome<T>(items: readonly T[], rowsOf: (item: T) => number): T[];
}

export function roomOf(rows: number): Room {
  let left = Math.max(0, rows);
  const take = (wanted: number): boolean => {
    if (wanted > left) return false;
    left -= wanted;
    return true;
  };
  return {
    left: () => left,
    take,
    takeSome(items, rowsOf) {
      const end = items.findIndex((item) => !take(rowsOf(item)));
      return items.slice(0, end === -1 ? items.length : end);
    },
  };
}

/** Rows of a text wrapped to a width. */
export function rowsOf(text: string, width: number): number {
  return Math.max(1, wrapWords(text, width).length);
}

/** The first lines, with a mark at the end of the last one if some were omitted. */
export function cutLines(lines: readonly string[], rows: number, width: number): string[] {
  if (lines.length <= rows) return [...lines];
  const kept = lines.slice(0, Math.max(1, rows));
  const last = kept.at(-1) ?? '';
  const lastSpace = last.lastIndexOf(' ');
  const start =
    columnsOf(last) + 2 <= width ? last : lastSpace > 0 ? last.slice(0, lastSpace) : startOf(last, width - 2);
  return [...kept.slice(0, -1), `${start} …`];
}

/** `… 3 more lines` */
export function moreLines(count: number): string {
  return count === 0 ? '' : `… ${said(formatCount(count, 'more line'))}`;
}
