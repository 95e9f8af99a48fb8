import { said } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import type { KeyHint } from '../../src/wizard/keys.ts';

/** Between two hints. */
export const SEPARATOR = '   ';

/** Keys that leave the screen or show all other keys; dropped last. */
const WAYS_OUT = new Set(['?', 'esc', 'y', 'n', 'q', 'ctrl+c']);

/** The hints that fit into a footer, in order. Ways out are dropped last. Pure. */
export function fittingHints(hints: readonly KeyHint[], columns: number): readonly KeyHint[] {
  const width = columnsOf(hints.map(({ label, hint }) => `${label} ${said(hint)}`).join(SEPARATOR));
  if (width <= columns || hints.length <= 1) return hints;
  // `n` belongs to a question only together with `y`.
  const isQuestion = hints.some(({ label }) => label === 'y');
  const dropped = hints.findLastIndex(({ label }) => !WAYS_OUT.has(label) || (label === 'n' && !isQuestion));
  return fittingHints(hints.toSpliced(Math.max(0, dropped), 1), columns);
}
