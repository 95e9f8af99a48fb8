import { type Remedy, remedyText } from '../remedy.ts';

/** Wraps text to lines of a width of at least 8. A longer word, such as a path, is broken. */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  const pieces = text
    .split(' ')
    .flatMap((word) => word.match(new RegExp(`.{1,${Math.max(8, width)}}`, 'gu')) ?? []);
  for (const word of pieces) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Wraps a remedy's text. Its command is kept whole on a line of its own, so that it can be copied. */
export function wrapStep(step: string, remedies: readonly Remedy[], width: number): string[] {
  if (step.length <= width) return [step];
  const remedy = remedies.find((each) => remedyText(each) === step);
  if (!remedy?.command) return wrapWords(step, width);
  return [...wrapWords(`${remedy.label}:`, width), `  ${remedy.command}`];
}
