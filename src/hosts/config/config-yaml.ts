import { LineCounter, parseDocument } from 'yaml';

/** Aliases may multiply a few lines into gigabytes. */
const MAX_ALIAS_COUNT = 100;

/**
 * The value of a configuration text. Strict: duplicate keys and several documents are refused. Merge keys (`<<`) are
 * honoured, because llama-swap's own parser does.
 * @throws Error with the parser's message and the place, in one line.
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
    // The parser's own message names a function for programs.
    const message = problem.code === 'MULTIPLE_DOCS' ? 'there is a second document' : problem.message;
    throw new Error(`${message} at line ${line}, column ${col}`);
  }
  return document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
}
