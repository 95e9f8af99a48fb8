import { said } from '../../src/language/translate.ts';
import { columnsOf, startOf } from '../../src/support/text/columns.ts';
import { formatCount } from '../../src/support/text/format.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';

/** Rows that are shared out, most wanted first: what is asked for too late gives way. */
export interface Room {
  /** Rows that nobody has taken yet. */
  left(): number;
  /** Takes all of them, or none and says so. */
  take(rows: number): boolean;
  /** Takes as many of the items, each of some rows, as fit in their order. A long one makes no room for those after it. */
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

/** Rows that a text takes in a width, wrapped at its words. */
export function rowsOf(text: string, width: number): number {
  return Math.max(1, wrapWords(text, width).length);
}

/** The first of the lines, and a mark at the end of the last one when there were more. */
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
