import { harmlessText } from '../support/harmless.ts';
import { withOwnCommand } from '../support/own-command.ts';
import type { KtxCliIo } from './io.ts';

/** The original output behind each output of `harmlessIo`. */
const behind = new WeakMap<object, { write(text: string): unknown }>();

/**
 * The same outputs with text sanitised, so that no part from outside can control the terminal. Every command
 * prints through this. The escapes are JSON's own, so it is safe for JSON too.
 */
export function harmlessIo(io: KtxCliIo): KtxCliIo {
  if (behind.has(io.stdout)) return io;
  return { stdout: harmlessOutput(io.stdout), stderr: harmlessOutput(io.stderr) };
}

/** The original output, for code that moves the cursor or paints and sanitises its own texts. */
export function rawOutput<Output extends { write(text: string): unknown }>(output: Output): Output {
  return (behind.get(output) as Output | undefined) ?? output;
}

function harmlessOutput<Output extends { write(text: string): unknown }>(output: Output): Output {
  // People retype commands; programs that read the output get the original words.
  const isTerminal = (output as { isTTY?: boolean }).isTTY === true;
  const harmless = Object.create(output, {
    write: { value: (text: string) => output.write(harmlessText(isTerminal ? withOwnCommand(text) : text)) },
  }) as Output;
  behind.set(harmless, output);
  return harmless;
}
