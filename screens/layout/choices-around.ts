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

/** `↑ ↓ more`, at the end of a scrolling list. */
export function scrollWords({
  hasMoreAbove,
  hasMoreBelow,
}: {
  hasMoreAbove: boolean;
  hasMoreBelow: boolean;
}): string {
  const arrows = [...(hasMoreAbove ? ['↑'] : []), ...(hasMoreBelow ? ['↓'] : [])];
  return arrows.length === 0 ? '' : t`${arrows.join(' ')} more`;
}

/** Where the descriptions of choices start; 0 when none has one. */
export function aboutColumnOf(choices: readonly Choice<string>[]): number {
  if (choices.every(({ about }) => about === undefined)) return 0;
  return Math.max(...choices.map(({ label }) => columnsOf(said(label)))) + 5;
}
