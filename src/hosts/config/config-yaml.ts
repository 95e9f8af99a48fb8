import { LineCounter, parseDocument } from 'yaml';

/** Aliases can expand a few lines into gigabytes. */
const MAX_ALIAS_COUNT = 100;

/**
 * Parses a configuration text strictly: duplicate keys and multiple documents are rejected. Merge keys (`<<`)
 * are honoured, as in llama-swap's own parser.
 * @throws Error with the parser's message and position, in one line.
 */
export function parseConfigYaml(text: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter,
    merge: true,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'error',
  });
  const [problem] = document.errors;
  if (problem) {
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    // The parser's own message suggests a function to programmers.
    const message = problem.code === 'MULTIPLE_DOCS' ? 'there is a second document' : problem.message;
    throw new Error(`${message} at line ${line}, column ${col}`);
  }
  return document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
}
