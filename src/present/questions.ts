import { createInterface } from 'node:readline/promises';
import { t } from '../language/translate.ts';
import { CancelledError } from '../support/errors.ts';

export interface QuestionStreams {
  stdin: NodeJS.ReadStream;
  /** Prints lines, limited to characters that the terminal supports. */
  print(lines: readonly string[]): void;
  /** Prints without a line break. */
  prompt(text: string): void;
  signal: AbortSignal;
}

/**
 * Asks for one of several answers by number, with plain lines and the terminal's own line editing: for screen
 * readers, dumb terminals and shells in editors. An empty line selects the first. Resolves with its index.
 * @throws CancelledError when the input ends or the signal fires.
 */
export async function askForChoice(
  question: string,
  answers: readonly string[],
  streams: QuestionStreams,
): Promise<number> {
  streams.print([question, ...answers.map((answer, index) => `  ${index + 1}  ${answer}`)]);
  return ask(streams, `${t`Number, then Enter [1]:`} `, (line) => {
    const number = line === '' ? 1 : Number(line);
    return Number.isInteger(number) && number >= 1 && number <= answers.length ? number - 1 : null;
  });
}

/**
 * Asks for yes or no; an empty line is neither, so that no one agrees by accident. @throws CancelledError as
 * above.
 */
export function askForConsent(question: string, streams: QuestionStreams): Promise<boolean> {
  return ask(streams, `${t`${question} Type yes or no, then Enter:`} `, (line) => {
    const answer = line.toLowerCase();
    if (isAnswer(answer, 'yes', t`yes`)) return true;
    return isAnswer(answer, 'no', t`no`) ? false : null;
  });
}

/** Accepts a word or its first letter, in English or in the language of the question. */
function isAnswer(answer: string, ...words: readonly string[]): boolean {
  return words.some((word) => answer === word || answer === word.slice(0, 1));
}

async function ask<T>(
  { stdin, prompt, signal }: QuestionStreams,
  text: string,
  read: (line: string) => T | null,
): Promise<T> {
  if (signal.aborted) throw new CancelledError();
  const lines = createInterface({ input: stdin, terminal: false });
  const stop = (): void => lines.close();
  signal.addEventListener('abort', stop);
  try {
    prompt(text);
    for await (const line of lines) {
      const answer = read(line.trim());
      if (answer !== null) return answer;
      prompt(text);
    }
    throw new CancelledError();
  } finally {
    signal.removeEventListener('abort', stop);
    lines.close();
  }
}
