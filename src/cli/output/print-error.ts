import { remedyFor } from '../../core/invocation.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import type { Note } from '../../runtime/write-access.ts';
import { errorMessage, SetupError } from '../../support/errors.ts';
import { remedyText } from '../../support/remedy.ts';

/** Prints the message of an error; with `--debug` also the stack and the causes. */
function printMessage(io: KtxCliIo, error: unknown, isDebug = false): void {
  io.stderr.write(`${isDebug && error instanceof Error ? debugText(error) : errorMessage(error)}\n`);
}

/** Prints the message, then the evidence and remedies of the error, if any. */
export function printError(io: KtxCliIo, error: unknown, isDebug = false): void {
  printMessage(io, error, isDebug);
  const knowing = knowingError(error);
  if (knowing === null) return;
  const lines = [
    ...(knowing === error ? [] : [`  ${knowing.message}`]),
    ...knowing.evidence.map((fact) => `  ${fact}`),
    ...knowing.remedies
      .map((each) => remedyText(remedyFor(each)))
      .map((step, index) => `  ${index === 0 ? 'next' : '    '}     ${step}`),
  ];
  io.stderr.write(lines.map((line) => `${line}\n`).join(''));
}

/** The first error in the chain of causes that has evidence or remedies. */
function knowingError(error: unknown): SetupError | null {
  let current: unknown = error;
  for (let depth = 0; current instanceof Error && depth < 8; depth++) {
    if (current instanceof SetupError) return current;
    current = current.cause;
  }
  return null;
}

/** Prints notes besides the result, such as which process a command waits for. */
export function noteTo(io: KtxCliIo): Note {
  return (level, text) => void io.stderr.write(`${level === 'warning' ? 'warning: ' : ''}${text}\n`);
}

function debugText(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by: ${debugText(error.cause)}` : own;
}
