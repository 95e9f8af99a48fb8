let name = 'ktx';

/** Sets the name that texts use for this program. */
export function setProgramName(program: string): void {
  name = program;
}

/** What people type to run this program: `ktx`, or the name that its embedder declared. */
export function programName(): string {
  return name;
}

/**
 * The word `ktx` as the program's name: not part of another word, a path (`~/.ktx`, `ktx.yaml`, `ktx-daemon`)
 * or an address, and not an entire JSON value.
 */
const WORD = /(?<![\w./@:~\\-])(?<!"(?=ktx"))ktx(?![\w/\\-]|\.\w)/g;
/** Paths are data and are never changed. */
const PATH = /^(?:[/\\~]|[A-Za-z]:[/\\])\S*/;

/**
 * The text with the program's own name. Unchanged when no name was declared, and for texts that are not
 * sentences.
 */
export function withProgramName(text: string): string {
  if (name === 'ktx' || text === 'ktx' || !text.includes('ktx') || PATH.test(text)) return text;
  return text.replaceAll(WORD, () => name);
}
