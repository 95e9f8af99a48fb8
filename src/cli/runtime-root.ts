import { resolve } from 'node:path';
import type { Command } from 'commander';
import { requireValue } from './commands/setup-flags.ts';

const FLAG = '--runtime-root';
/** The help text of the flag, also for commands that define it themselves. */
export const ROOT_HELP = 'the runtime folder [env: KTX_RUNTIME_ROOT; default: ~/.ktx/runtime]';
const VARIABLE = 'KTX_RUNTIME_ROOT';
/** These commands work on given files or on another machine. */
const WITHOUT_ROOT = /^ktx(?: .+)? help$|^ktx admin model-host |^ktx bundle (?:verify|inspect|diff)$/;

/**
 * Adds `--runtime-root` to every command that uses the runtime folder, and makes the path absolute before the
 * command runs: a relative one would be written to manifests and mean a different folder elsewhere. Commands
 * and their children read it from `env`.
 * @returns a function that restores the variable.
 */
export function addRuntimeRoot(program: Command, env: NodeJS.ProcessEnv, cwd: string): () => void {
  for (const { command, words } of leafCommands(program))
    if (!WITHOUT_ROOT.test(words) && !command.options.some(({ long }) => long === FLAG))
      command.option(`${FLAG} <dir>`, ROOT_HELP);
  const before = env[VARIABLE];
  program.hook('preAction', (_program, command) => {
    const { runtimeRoot } = command.opts<{ runtimeRoot?: string }>();
    const chosen = runtimeRoot === undefined ? env[VARIABLE] : requireValue(FLAG, runtimeRoot);
    if (chosen) env[VARIABLE] = resolve(cwd, chosen);
  });
  return () => {
    if (before === undefined) delete env[VARIABLE];
    else env[VARIABLE] = before;
  };
}

/** All commands without subcommands, each with its full name. */
export function leafCommands(group: Command, before = ''): { command: Command; words: string }[] {
  const words = `${before}${group.name()}`;
  if (group.commands.length === 0) return [{ command: group, words }];
  return group.commands.flatMap((command) => leafCommands(command, `${words} `));
}
