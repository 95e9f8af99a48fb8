import { rememberArguments } from '../core/this-run.ts';
import { guardOutput } from '../embed/io.ts';

/** Settings for a process that is ktx itself, not a program that embeds it. Call once. */
export function ownProcess(argv: readonly string[]): void {
  guardOutput();
  rememberArguments(argv);
  // Files created by ktx and its children must never be world-writable, nor inaccessible to the user.
  process.umask((process.umask() & ~0o700) | 0o002);
}
