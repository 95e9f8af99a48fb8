import type { KtxCliIo } from '../embed/io.ts';
import type { FirstScreen } from '../present/terminal/first-screen.ts';
import { runSetupCommand } from './commands/setup-command.ts';
import { parseSetupFlags } from './commands/setup-flags.ts';
import { printError } from './output/print-error.ts';
import { resolveProjectDir } from './project-dir.ts';

/**
 * `ktx setup` without flags, which users type and wait for: skips the option parser, whose import would be a
 * tenth of the time to the first prompt.
 */
export async function runBareSetup(io: KtxCliIo, firstScreen?: FirstScreen): Promise<number> {
  try {
    const cwd = process.cwd();
    const projectDir = await resolveProjectDir({ flag: undefined, env: process.env, cwd });
    const deps = firstScreen ? { firstScreen } : {};
    return await runSetupCommand(parseSetupFlags({}, { cwd, projectDir }), io, deps);
  } catch (error) {
    firstScreen?.close();
    printError(io, error, false);
    return 1;
  }
}
