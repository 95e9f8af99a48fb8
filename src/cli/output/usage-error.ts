import { type Command, CommanderError } from 'commander';
import { programVersion } from '../../core/program-version.ts';
import { rawOutput } from '../../embed/harmless-io.ts';
import type { KtxCliIo } from '../../embed/io.ts';
import { helloJson } from '../../present/json.ts';
import { errorCode, errorMessage, SetupError } from '../../support/errors.ts';
import { programName } from '../../support/program-name.ts';
import { createRedactor } from '../../support/text/redaction.ts';
import { similarNames } from '../../support/text/similar-names.ts';
import { printFailureEvent, thrownFailure, usageFailure } from './failure-event.ts';
import { printError } from './print-error.ts';

/**
 * Reports why a command line was rejected: as text on stderr, and with JSON also as one failure event on
 * stdout, after the first line of every `ktx setup --json` stream.
 */
export async function reportUsageError(
  error: unknown,
  argv: readonly string[],
  program: Command,
  io: KtxCliIo,
): Promise<void> {
  const words = error instanceof CommanderError ? usageWords(error, argv, program) : null;
  if (words === null) printError(io, error, program.opts<{ debug?: boolean }>().debug);
  else io.stderr.write(`error: ${[words.title, ...words.hints].join('\n')}\n`);
  if (!argv.includes('--json')) return;
  // An error of the library or the system is not a usage error.
  const isUsage = words !== null || !(error instanceof SetupError || errorCode(error) !== undefined);
  const failure = isUsage
    ? usageFailure(words?.title ?? errorMessage(error), words?.nextSteps ?? [helpCommand(argv, program)])
    : await thrownFailure(error, 'Nothing was changed.');
  if (commandNames(argv, program)[0] === 'setup') rawOutput(io.stdout).write(helloJson(programVersion()));
  printFailureEvent(io, failure);
}

interface UsageWords {
  title: string;
  /** Lines below the message. */
  hints: readonly string[];
  nextSteps: readonly string[];
}

function usageWords(error: CommanderError, argv: readonly string[], program: Command): UsageWords {
  // Commander quotes its input, which may contain a login meant for an option.
  const message = createRedactor().redact(error.message);
  const [title = '', ...hints] = message.replace(/^error: /, '').split('\n');
  const help = helpCommand(argv, program);
  if (error.code !== 'commander.unknownCommand') return { title, hints, nextSteps: [help] };
  const unknown = /'(.+)'/.exec(title)?.[1] ?? '';
  const typed = argv.slice(Math.max(0, argv.indexOf(unknown))).filter((word) => !word.startsWith('-'));
  const similar = similarCommands(typed, commandPaths(program)).map(
    (path) => `${programName()} ${path.join(' ')}`,
  );
  const hint =
    similar.length > 0 ? `Did you mean: ${similar.join(', or ')}` : `The commands are listed by: ${help}`;
  return { title, hints: [hint], nextSteps: similar.length > 0 ? similar : [help] };
}

function helpCommand(argv: readonly string[], program: Command): string {
  return [programName(), ...commandNames(argv, program), '--help'].join(' ');
}

/** The longest known command at the start of the line: `['admin', 'runtime']`. */
function commandNames(argv: readonly string[], program: Command): string[] {
  const names: string[] = [];
  let current = program;
  for (const word of argv) {
    const next = subcommands(current).find((command) => command.name() === word);
    if (!next) continue;
    names.push(word);
    current = next;
  }
  return names;
}

/** Without `help`, which is followed by a command of the same group. */
function subcommands(group: Command): Command[] {
  return group.commands.filter((command) => command.name() !== 'help');
}

/** Every command with its groups: `['admin', 'runtime', 'status']`. */
function commandPaths(group: Command): string[][] {
  return subcommands(group).flatMap((command) => [
    [command.name()],
    ...commandPaths(command).map((below) => [command.name(), ...below]),
  ]);
}

/**
 * Suggestions for a mistyped command: commands that end in the given words, longest match first, else those
 * whose last name resembles the first word. Pure.
 */
export function similarCommands(
  typed: readonly string[],
  paths: readonly (readonly string[])[],
): readonly (readonly string[])[] {
  for (let count = typed.length; count > 0; count--) {
    const wanted = typed.slice(0, count).join(' ');
    const found = paths.filter((path) => path.slice(-count).join(' ') === wanted);
    if (found.length > 0) return found;
  }
  const lastNames = paths.map((path) => path.at(-1) ?? '');
  const similar = similarNames(typed[0] ?? '', lastNames);
  return paths.filter((_, index) => similar.includes(lastNames[index]!));
}
