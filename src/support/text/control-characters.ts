/** Line breaks, escapes, NUL and their like: no path that is passed on to other programs, line by line, can hold them. */
const CONTROL = /\p{Cc}/u;

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

/** In quotes and on one line, so that a terminal shows it and obeys nothing in it. */
export function quoted(text: string): string {
  return `"${text.replaceAll(new RegExp(CONTROL, 'gu'), escaped)}"`;
}

/** Everything but line ends and tabs, and what turns the direction of text round. */
const UNSAFE = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu;

/** Text of another program, for a terminal: control characters become visible and do nothing. */
export function harmlessText(text: string): string {
  return text.replaceAll(UNSAFE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
