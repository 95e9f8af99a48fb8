import { said } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import type { KeyHint } from '../../src/wizard/keys.ts';

/** Between two hints. */
export const SEPARATOR = '   ';

/** Keys that lead out, or to all other keys; they are the last to go. */
const WAYS_OUT = new Set(['?', 'esc', 'y', 'n', 'q', 'ctrl+c']);

/** What fits into a footer, in its order. What leads out stays to the last, and of that the last. Pure. */
export function fittingHints(hints: readonly KeyHint[], columns: number): readonly KeyHint[] {
  const width = columnsOf(hints.map(({ label, hint }) => `${label} ${said(hint)}`).join(SEPARATOR));
  if (width <= columns || hints.length <= 1) return hints;
  // `n` answers a question beside `y`; by itself it is a key like others.
  const isQuestion = hints.some(({ label }) => label === 'y');
  const dropped = hints.findLastIndex(({ label }) => !WAYS_OUT.has(label) || (label === 'n' && !isQuestion));
  return fittingHints(hints.toSpliced(Math.max(0, dropped), 1), columns);
}
