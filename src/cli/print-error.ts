import { errorMessage } from '../support/errors.ts';
import type { KtxCliIo } from './io.ts';

/** Prints what went wrong: the message alone, with `--debug` the stack and the causes too. */
export function printError(io: KtxCliIo, error: unknown, isDebug = false): void {
  io.stderr.write(`${isDebug && error instanceof Error ? debugText(error) : errorMessage(error)}\n`);
}

function debugText(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by: ${debugText(error.cause)}` : own;
}
