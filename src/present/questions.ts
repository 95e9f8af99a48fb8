import { createInterface, type Interface } from 'node:readline/promises';
import { Writable } from 'node:stream';
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
  return ask<number>(streams, `${t`Number, then Enter [1]:`} `, (line) => {
    const number = line === '' ? 1 : Number(line);
    if (Number.isInteger(number) && number >= 1 && number <= answers.length) return { answer: number - 1 };
    return { problem: t`"${line}" is not one of the numbers. Type a number from 1 to ${answers.length}.` };
  });
}

export type Consent = 'yes' | 'no' | 'back' | 'details';

/**
 * Asks for yes or no, and offers a way back and to the details; an empty line is none of these, so that no one
 * agrees by accident. @throws CancelledError as above.
 */
export function askForConsent(
  question: string,
  { canGoBack }: { canGoBack: boolean },
  streams: QuestionStreams,
): Promise<Consent> {
  const words: readonly (readonly [Consent, string])[] = [
    ['yes', t`yes`],
    ['no', t`no`],
    ['details', t`details`],
    ...(canGoBack ? [['back', t`back`] as const] : []),
  ];
  const prompt = canGoBack
    ? t`${question} Type yes, no, details or back, then Enter:`
    : t`${question} Type yes, no or details, then Enter:`;
  return ask<Consent>(streams, `${prompt} `, (line) => {
    const typed = line.toLowerCase();
    const chosen = words.find(([word, translated]) => isAnswer(typed, word, translated));
    if (chosen) return { answer: chosen[0] };
    return { problem: line === '' ? t`Nothing was typed.` : t`"${line}" is not one of the answers.` };
  });
}

/**
 * Asks for a value. A secret is typed without echo. `problemOf` says what is wrong with a line; `null` accepts it.
 * @throws CancelledError as above.
 */
export function askForText(
  question: string,
  { isSecret, problemOf }: { isSecret: boolean; problemOf: (line: string) => string | null },
  streams: QuestionStreams,
): Promise<string> {
  const read = (line: string): Reading<string> => {
    const problem = problemOf(line);
    return problem === null ? { answer: line } : { problem };
  };
  return ask(streams, `${question}: `, read, isSecret);
}

/** Accepts a word or its first letter, in English or in the language of the question. */
function isAnswer(answer: string, ...words: readonly string[]): boolean {
  return words.some((word) => [word, word.slice(0, 1)].map((it) => it.toLowerCase()).includes(answer));
}

type Reading<T> = { answer: T; problem?: undefined } | { problem: string };

async function ask<T>(
  { stdin, prompt, print, signal }: QuestionStreams,
  text: string,
  read: (line: string) => Reading<T>,
  isSecret = false,
): Promise<T> {
  // An input that has ended does not end again: nobody would answer.
  if (signal.aborted || stdin.readableEnded) throw new CancelledError();
  const lines = openLines(stdin, isSecret);
  const stop = (): void => lines.close();
  signal.addEventListener('abort', stop);
  // Without echo the terminal is raw, and Ctrl+C is a key.
  lines.on('SIGINT', stop);
  try {
    prompt(text);
    for await (const line of lines) {
      if (isSecret) print(['']);
      const reading = read(isSecret ? line : typedWords(line));
      if (reading.problem === undefined) return reading.answer;
      print([reading.problem]);
      prompt(text);
    }
    throw new CancelledError();
  } finally {
    signal.removeEventListener('abort', stop);
    lines.close();
  }
}

/** A dumb terminal passes keys such as Escape and the arrows on as characters. */
function typedWords(line: string): string {
  return line
    .replace(/\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])/g, '')
    .replace(/\p{Cc}/gu, '')
    .trim();
}

function openLines(stdin: NodeJS.ReadStream, isSecret: boolean): Interface {
  if (!isSecret) return createInterface({ input: stdin, terminal: false });
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return createInterface({ input: stdin, output: nowhere, terminal: true });
}
