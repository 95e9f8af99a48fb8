import { createInterface } from 'node:readline/promises';
import { CancelledError } from '../support/errors.ts';

export interface QuestionStreams {
  stdin: NodeJS.ReadStream;
  /** Prints lines, in characters that the terminal has. */
  print(lines: readonly string[]): void;
  /** Prints without ending the line. */
  prompt(text: string): void;
  signal: AbortSignal;
}

/**
 * Asks for one of several answers by number, with plain lines and the terminal's own line editing: for screen readers,
 * dumb terminals and an editor's shell. The first answer is taken for an empty line. Resolves with its index.
 * @throws CancelledError when the input ends or the signal aborts.
 */
export async function askForChoice(
  question: string,
  answers: readonly string[],
  streams: QuestionStreams,
): Promise<number> {
  streams.print([question, ...answers.map((answer, index) => `  ${index + 1}  ${answer}`)]);
  return ask(streams, `Number, then Enter [1]: `, (line) => {
    const number = line === '' ? 1 : Number(line);
    return Number.isInteger(number) && number >= 1 && number <= answers.length ? number - 1 : null;
  });
}

/** Asks for yes or no; an empty line is neither, so that nobody agrees by accident. @throws CancelledError as above. */
export function askForConsent(question: string, streams: QuestionStreams): Promise<boolean> {
  return ask(streams, `${question} Type yes or no, then Enter: `, (line) => {
    if (/^y(es)?$/i.test(line)) return true;
    return /^no?$/i.test(line) ? false : null;
  });
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
