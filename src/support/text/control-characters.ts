import { harmlessLine } from '../harmless.ts';

/** Line breaks, escapes, NUL and their like: no path that is passed on to other programs, line by line, can hold them. */
const CONTROL = /\p{Cc}/u;

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

/** In quotes and on one line, so that a terminal shows it and obeys nothing in it. */
export function quoted(text: string): string {
  return `"${harmlessLine(text).replaceAll('\t', '\\u0009')}"`;
}
