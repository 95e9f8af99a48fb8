import { said } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import type { KeyHint } from '../../src/wizard/keys.ts';

const NARROW_COLUMNS = 64;

/** Between two hints: less where they would not fit otherwise. */
export function separatorOf(hints: readonly Hint[], columns: number): string {
  return columns < NARROW_COLUMNS || widthOf(hints, '   ') > columns ? '  ' : '   ';
}

function widthOf(hints: readonly Hint[], separator: string): number {
  return columnsOf(hints.map(({ label, hint }) => `${label} ${said(hint)}`).join(separator));
}

/** Keys that answer the screen, leave it, or show all other keys; dropped last, in this order. */
const KEPT = ['esc', 'enter', 'n', 'y', '?', 'q', 'ctrl+c'];

type Hint = Pick<KeyHint, 'label' | 'hint'>;

/** The hints that fit into a footer, in order. What the screen asks for and the ways out are dropped last. Pure. */
export function fittingHints<H extends Hint>(hints: readonly H[], columns: number): readonly H[] {
  if (widthOf(hints, separatorOf(hints, columns)) <= columns || hints.length <= 1) return hints;
  // `n` belongs to a question only together with `y`.
  const isQuestion = hints.some(({ label }) => label === 'y');
  const rank = ({ label }: Hint) => (label === 'n' && !isQuestion ? -1 : KEPT.indexOf(label));
  const least = Math.min(...hints.map(rank));
  return fittingHints(
    hints.toSpliced(
      hints.findLastIndex((hint) => rank(hint) === least),
      1,
    ),
    columns,
  );
}
