import { said, t } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import type { Choice } from '../../src/wizard/choices.ts';

/** The visible part of the choices, including the one at the pointer. */
export function choicesAround<C>(
  choices: readonly C[],
  cursor: number,
  count: number,
): { choices: C[]; cursor: number; hasMoreAbove: boolean; hasMoreBelow: boolean } {
  const first = Math.max(0, Math.min(choices.length - count, cursor - Math.floor(count / 2)));
  return {
    choices: choices.slice(first, first + count),
    cursor: cursor - first,
    hasMoreAbove: first > 0,
    hasMoreBelow: first + count < choices.length,
  };
}

interface VisibleChoices {
  choices: readonly Choice<string>[];
  hasMoreAbove: boolean;
  hasMoreBelow: boolean;
}

/** `↑ ↓ more`, at the end of a scrolling list; the arrows alone beside a label that needs the room. */
export function scrollWords(
  { choices, hasMoreAbove, hasMoreBelow }: VisibleChoices,
  columns: number,
): string {
  const arrows = [...(hasMoreAbove ? ['↑'] : []), ...(hasMoreBelow ? ['↓'] : [])].join(' ');
  if (arrows === '') return '';
  const free = columns - labelColumns(choices.slice(-1)) - 1;
  return fittingWords([t`${arrows} more`, arrows], free);
}

/** The first text that fits, the last one where none does. */
export function fittingWords(texts: readonly string[], columns: number): string {
  return texts.find((text) => columnsOf(text) <= columns) ?? texts.at(-1) ?? '';
}

/** Columns of choices in a row, each with its pointer, before any gap. */
function labelColumns(choices: readonly Choice<string>[]): number {
  return choices.reduce((sum, { label }) => sum + columnsOf(said(label)) + POINTER_COLUMNS, 0);
}

const POINTER_COLUMNS = 2;

/** The gap between choices in a row that leaves room for all of them. */
export function choiceGap(choices: readonly Choice<string>[], columns: number, widest: number): number {
  const free = Math.floor((columns - labelColumns(choices)) / Math.max(1, choices.length - 1));
  return Math.max(0, Math.min(widest, free));
}

/** Where the descriptions of choices start; 0 when none has one. */
export function aboutColumnOf(choices: readonly Choice<string>[]): number {
  if (choices.every(({ about }) => about === undefined)) return 0;
  return Math.max(...choices.map(({ label }) => columnsOf(said(label)))) + 5;
}
