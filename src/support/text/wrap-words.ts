import { type Remedy, remedyText } from '../remedy.ts';
import { breakable, columnsOf } from './columns.ts';

/**
 * Wraps text to lines of a width of at least 8 columns. A longer word, such as a path, is broken. Text without spaces between
 * its words, such as Japanese, is broken where its script allows.
 */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  let columns = 0;
  for (const word of text.split(' ')) {
    let gap = ' ';
    for (const part of breakable(word, Math.max(8, width))) {
      const partColumns = columnsOf(part);
      if (part === '') continue;
      if (lines.length > 0 && columns + gap.length + partColumns <= width) {
        lines[lines.length - 1] += gap + part;
        columns += gap.length + partColumns;
      } else {
        lines.push(part);
        columns = partColumns;
      }
      gap = '';
    }
  }
  return lines;
}

/** Wraps a remedy's text. Its command is kept whole on a line of its own, so that it can be copied. */
export function wrapStep(step: string, remedies: readonly Remedy[], width: number): string[] {
  if (columnsOf(step) <= width) return [step];
  const remedy = remedies.find((each) => remedyText(each) === step);
  if (!remedy?.command) return wrapWords(step, width);
  return [...wrapWords(`${remedy.label}:`, width), `  ${remedy.command}`];
}
