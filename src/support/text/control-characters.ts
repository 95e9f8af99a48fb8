import { harmlessLine } from '../harmless.ts';

/**
 * Line breaks, escapes, NUL and the like. Paths with them cannot be passed to other programs line by line.
 */
const CONTROL = /\p{Cc}/u;

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

/** In quotes and on one line, with everything escaped that a terminal would act on. */
export function quoted(text: string): string {
  return `"${harmlessLine(text).replaceAll('\t', '\\u0009')}"`;
}
