let name = 'ktx';

/** From now on texts for people call this program so. */
export function setProgramName(program: string): void {
  name = program;
}

/** What people type to run this program: `ktx`, or the name that its embedder declared. */
export function programName(): string {
  return name;
}

/**
 * The word `ktx` where it names the program: not as a part of another word, of a path (`~/.ktx`, `ktx.yaml`, `ktx-daemon`) or of an
 * address, and not as a whole value of JSON.
 */
const WORD = /(?<![\w./@:~\\-])(?<!"(?=ktx"))ktx(?![\w/\\-]|\.\w)/g;
/** A path is data, whatever it holds. */
const PATH = /^(?:[/\\~]|[A-Za-z]:[/\\])\S*/;

/** A text with the program's own name. Unchanged where nobody declared one, and for what is no sentence. */
export function withProgramName(text: string): string {
  if (name === 'ktx' || text === 'ktx' || !text.includes('ktx') || PATH.test(text)) return text;
  return text.replaceAll(WORD, () => name);
}
