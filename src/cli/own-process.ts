import { rememberArguments } from '../core/this-run.ts';
import { guardOutput } from '../embed/io.ts';

/** For a process that is the program, and not a library in another one. To be called once. */
export function ownProcess(argv: readonly string[]): void {
  guardOutput();
  rememberArguments(argv);
  // Neither we nor what we start makes files that everybody can change, or that we cannot use ourselves.
  process.umask((process.umask() & ~0o700) | 0o002);
}
