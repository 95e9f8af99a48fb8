import { LineCounter, parseDocument } from 'yaml';
import { errorMessage } from '../../support/errors.ts';

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
    const message =
      problem.code === 'MULTIPLE_DOCS' ? 'there is a second document' : unquoted(problem.message);
    throw new Error(`${message} at line ${line}, column ${col}`);
  }
  try {
    return document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
  } catch (error) {
    throw new Error(unquoted(errorMessage(error)));
  }
}

/** These messages end with the text that the parser met, which may be a secret. */
function unquoted(message: string): string {
  return message.replace(/^(Not a YAML token|Unresolved alias[^:]*): [\s\S]*$/, '$1');
}
