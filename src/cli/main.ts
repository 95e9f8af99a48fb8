import { programVersion } from '../core/program-version.ts';
import type { KtxCliIo } from '../embed/io.ts';
import type { FirstScreen } from '../present/terminal/first-screen.ts';
import { programName } from '../support/program-name.ts';
import { ownProcess } from './own-process.ts';
import type { ProgramDeps } from './program.ts';

/**
 * Runs one command line and resolves with its exit code; never ends the process itself. `--version` is
 * answered before anything is imported, because other programs call it often.
 * @param argv without the interpreter and the script.
 */
export async function main(
  argv: readonly string[],
  io: KtxCliIo = process,
  deps: ProgramDeps & { firstScreen?: FirstScreen } = {},
): Promise<number> {
  if (io === process) ownProcess(argv);
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-v')) {
    io.stdout.write(`${programName()} ${programVersion()}\n`);
    return 0;
  }
  if (io === process) (await import('../support/own-command.ts')).printOwnCommand();
  const { harmlessIo } = await import('../embed/harmless-io.ts');
  if (!hasWorkingFolder()) {
    harmlessIo(io).stderr.write(
      'The current folder was deleted, or cannot be read. Change to another one, then run ktx again: cd\n',
    );
    return 1;
  }
  const { firstScreen, ...otherDeps } = deps;
  if (argv.length === 1 && argv[0] === 'setup' && Object.keys(otherDeps).length === 0) {
    return (await import('./bare-setup.ts')).runBareSetup(harmlessIo(io), firstScreen);
  }
  const { runProgram } = await import('./program.ts');
  return runProgram(argv, harmlessIo(io), otherDeps);
}

/** Without a working directory Node fails again and again, with unhelpful messages. */
function hasWorkingFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}
