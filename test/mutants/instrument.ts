import { relative } from 'node:path';
import type { Mutant } from './operators.ts';

/** A mutant with the number by which it is switched on. */
export interface NumberedMutant extends Mutant {
  id: number;
}

/**
 * The source with every mutant in it, each behind its switch: one build serves all of them.
 *
 * @param mutants of this file; they may lie in each other
 * @param switchPath of the module that tells which is on, from the root of the package as `file` is
 */
export function instrument(
  file: string,
  source: string,
  mutants: readonly NumberedMutant[],
  switchPath: string,
): string {
  const ordered = [...mutants].sort((a, b) => a.start - b.start || b.end - a.end);
  const path = relative(`${file}/..`, switchPath);
  const head = `import { isOn as __isOn } from '${path.startsWith('.') ? path : `./${path}`}'; `;
  const body = render(source, 0, source.length, ordered);
  // A line of its own for `#!`, and the lines of all others as they were.
  const shebang = /^#!.*\n/.exec(body)?.[0] ?? '';
  return shebang + head + body.slice(shebang.length);
}

function render(source: string, start: number, end: number, mutants: readonly NumberedMutant[]): string {
  let text = '';
  let at = start;
  let rest = mutants;
  while (rest.length > 0) {
    const [outer, ...others] = rest as [NumberedMutant, ...NumberedMutant[]];
    const inner = others.filter((each) => each.start < outer.end);
    rest = others.slice(inner.length);
    const was = render(source, outer.start, outer.end, inner);
    text += source.slice(at, outer.start);
    text += outer.isStatement
      ? `{ if (!__isOn(${outer.id})) ${was} }`
      : `(__isOn(${outer.id}) ? (${outer.becomes}) : (${was}))`;
    at = outer.end;
  }
  return text + source.slice(at, end);
}
