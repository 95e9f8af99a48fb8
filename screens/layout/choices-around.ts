import { t } from '../../src/language/translate.ts';

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
