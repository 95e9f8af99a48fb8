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
 * Says what stopped a command line before anything was done: in words on stderr, and for who asked for JSON also as one
 * failure event on stdout, after the first line that every stream of `ktx setup --json` has.
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
  // What the library or the system refused is no mistake of the command line.
  const isUsage = words !== null || !(error instanceof SetupError || errorCode(error) !== undefined);
  const failure = isUsage
    ? usageFailure(words?.title ?? errorMessage(error), words?.nextSteps ?? [helpCommand(argv, program)])
    : await thrownFailure(error, 'Nothing was changed.');
  if (commandNames(argv, program)[0] === 'setup') rawOutput(io.stdout).write(helloJson(programVersion()));
  printFailureEvent(io, failure);
}

interface UsageWords {
  title: string;
  /** Lines below it. */
  hints: readonly string[];
  nextSteps: readonly string[];
}

function usageWords(error: CommanderError, argv: readonly string[], program: Command): UsageWords {
  // Commander repeats what it was given, which may have been meant for an option that takes a login.
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

/** Names of the command that the line names, as far as it is known: `['admin', 'runtime']`. */
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

/** Without `help`, after which the line goes on from the same group. */
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
 * Commands that somebody may have meant: those that end in the words as they were typed, the more words the better, else those
 * whose last name is nearly the first of them. Pure.
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
