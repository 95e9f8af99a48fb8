/**
 * A command line as words: split at white space, with single and double quotes holding together what is between them.
 * A backslash is an ordinary character, as in Windows paths. A quote that is never closed holds to the end.
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

/** The inverse: `splitCommandLine(joinCommandLine(words))` gives the words again, whatever is in them. */
export function joinCommandLine(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  if (word !== '' && !/[\s'"]/.test(word)) return word;
  // What one kind of quote cannot hold stands between the other kind, side by side in one word.
  return word
    .split(/('+)/)
    .map((part) => (part.startsWith("'") ? `"${part}"` : part === '' && word !== '' ? '' : `'${part}'`))
    .join('');
}
