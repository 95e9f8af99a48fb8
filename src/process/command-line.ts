/**
 * Splits a command line into words at white space; single and double quotes group text. A backslash is an
 * ordinary character, as in Windows paths. An unclosed quote extends to the end.
 */
export function splitCommandLine(command: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (const character of command) {
    if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

/** The inverse: `splitCommandLine(joinCommandLine(words))` returns the same words, whatever they contain. */
export function joinCommandLine(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  if (word === '') return "''";
  if (!/[\s'"]/.test(word)) return word;
  // Single quotes are put in double quotes and the rest in single quotes, joined into one word.
  return word
    .split(/('+)/)
    .filter(Boolean)
    .map((part) => (part.startsWith("'") ? `"${part}"` : `'${part}'`))
    .join('');
}
