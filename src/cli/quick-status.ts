import { resolve } from 'node:path';
import { programVersion } from '../core/program-version.ts';
import { harmlessIo } from '../embed/harmless-io.ts';
import { printOwnCommand } from '../support/own-command.ts';
import { runKtxRuntime } from './commands/runtime-command.ts';
import { ownProcess } from './own-process.ts';

/**
 * `ktx admin runtime status` without the deep checks, which other programs call often. The build bundles it
 * into one small file (`scripts/start-up/quick-files.mjs`); `bin/launch.cjs` decides which command lines use
 * it.
 * @param argv the arguments after `status`: nothing but `--json`
 * @returns the exit code as `runKtxRuntime`; `null`, with nothing done, when the full program is needed
 */
export async function quickStatus(argv: readonly string[]): Promise<number | null> {
  try {
    process.cwd();
  } catch {
    return null;
  }
  ownProcess(['admin', 'runtime', 'status', ...argv]);
  printOwnCommand();
  const root = process.env['KTX_RUNTIME_ROOT'];
  if (root) process.env['KTX_RUNTIME_ROOT'] = resolve(root);
  const args = { command: 'status', cliVersion: programVersion(), json: argv.includes('--json') } as const;
  return runKtxRuntime(args, harmlessIo(process));
}
