import { harmlessText } from '../support/harmless.ts';
import { withOwnCommand } from '../support/own-command.ts';
import type { KtxCliIo } from './io.ts';

/** What stands behind an output of `harmlessIo`. */
const behind = new WeakMap<object, { write(text: string): unknown }>();

/**
 * The same outputs, for text: whatever part of it came from outside, no terminal obeys it. Every command prints through this;
 * the escapes are JSON's own, so it is for JSON too.
 */
export function harmlessIo(io: KtxCliIo): KtxCliIo {
  if (behind.has(io.stdout)) return io;
  return { stdout: harmlessOutput(io.stdout), stderr: harmlessOutput(io.stderr) };
}

/** For who moves the cursor or paints, and makes the texts in between harmless itself. */
export function rawOutput<Output extends { write(text: string): unknown }>(output: Output): Output {
  return (behind.get(output) as Output | undefined) ?? output;
}

function harmlessOutput<Output extends { write(text: string): unknown }>(output: Output): Output {
  // For a person, who types it again. What a program reads keeps its own words.
  const isTerminal = (output as { isTTY?: boolean }).isTTY === true;
  const harmless = Object.create(output, {
    write: { value: (text: string) => output.write(harmlessText(isTerminal ? withOwnCommand(text) : text)) },
  }) as Output;
  behind.set(harmless, output);
  return harmless;
}
