/** Line breaks, escapes, NUL and their like: no path that is passed on to other programs, line by line, can hold them. */
const CONTROL = /\p{Cc}/u;

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

/** In quotes and on one line, so that a terminal shows it and obeys nothing in it. */
export function quoted(text: string): string {
  const visible = text.replaceAll(
    new RegExp(CONTROL, 'gu'),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${visible}"`;
}
