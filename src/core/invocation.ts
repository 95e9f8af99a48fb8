import { programWords } from '../support/own-command.ts';
import { fromUnderShell, type Remedy, withCommand } from '../support/remedy.ts';
import { createRedactor } from '../support/text/redaction.ts';
import { rememberedArguments } from './this-run.ts';

/** A command line of this program. */
export interface Invocation {
  /** The words that started the program. */
  program: readonly string[];
  /** Its arguments. */
  args: readonly string[];
}

/** The command line of this process; without arguments when another program uses the library. */
export function thisInvocation(): Invocation {
  return { program: programWords(), args: rememberedArguments() };
}

/**
 * Turns a remedy into a complete command for this run: with the words that start this program and, for a next
 * attempt, the failed command and its flags, except those that the remedy overrides or drops. Values that
 * hold a secret become placeholders.
 */
export function remedyFor(remedy: Remedy, invocation: Invocation = thisInvocation()): Remedy {
  let isSecretNeeded = false;
  const inThisRun = (argv: readonly string[] | null, isNextAttempt: boolean) => {
    if (argv === null) return null;
    const { before = [], argv: ours = argv } = fromUnderShell(argv) ?? {};
    if (ours[0] !== 'ktx') return argv;
    const words = wordsFor(ours.slice(1), isNextAttempt, remedy.drop, invocation.args);
    isSecretNeeded ||= words.includes(SECRET.token);
    return [...before, ...invocation.program, ...words];
  };
  const argv = inThisRun(remedy.argv, remedy.nextAttempt === 'argv');
  const afterwards = inThisRun(remedy.afterwards, remedy.nextAttempt === 'afterwards');
  const placeholders = isSecretNeeded ? [...remedy.placeholders, SECRET] : remedy.placeholders;
  return withCommand({ ...remedy, argv, afterwards, placeholders });
}

const SECRET = { token: '<secret>', name: 'secret', type: 'secret' } as const;

/** Flags for one kind of output or attempt, not repeated in the next one. */
const NOT_CARRIED = ['--dry-run', '--print-schema', '--debug', '--help', '-h'];

/** Commands that use no runtime. All others get the failed command's `--runtime-root`. */
const WITHOUT_ROOT = /^(?:admin model-host|bundle (?:verify|inspect|diff))\b/;

/** Flags of a next attempt that commands other than setup accept too. */
const KNOWN_FLAGS: readonly (readonly [command: RegExp, flags: readonly string[]])[] = [
  [/^(?:doctor|bundle create)\b/, ['--runtime-root', '--index-url', '--offline']],
  [/^admin runtime (?:install|start)\b/, ['--runtime-root', '--force', '--feature']],
  [/^(?:admin|embed|status)\b/, ['--runtime-root']],
];

function wordsFor(
  words: readonly string[],
  isNextAttempt: boolean,
  drop: readonly string[],
  args: readonly string[],
): string[] {
  const failed = failedCommand(args);
  const own = flagsOf(words.slice(commandOf(words).length));
  const isRepeated = isNextAttempt && takes(failed.join(' '), own);
  const command = isRepeated ? failed : commandOf(words);
  const ownNames = new Set(own.map(([name]) => name));
  const isSameCommand = command.join(' ') === failed.join(' ');
  const isCarried = (name: string) =>
    isSameCommand
      ? !NOT_CARRIED.includes(name)
      : name === '--runtime-root' && !WITHOUT_ROOT.test(command.join(' '));
  const carried = flagsOf(args.slice(commandOf(args).length))
    .filter(([name = '']) => !ownNames.has(name) && !drop.includes(name) && isCarried(name))
    .map((flag) => withoutSecret(flag));
  return [...command.map(masked), ...withoutRepeats(carried), ...own.flat()];
}

/** A script that starts this program adds its flags to those of the person, who may have given the same ones. */
function withoutRepeats(flags: readonly string[][]): string[] {
  const byText = new Map(flags.map((flag) => [flag.join('\0'), flag]));
  return [...byText.values()].flat();
}

/** A bare `ktx` is a setup. */
function failedCommand(args: readonly string[]): readonly string[] {
  const command = commandOf(args);
  return command.length === 0 ? ['setup'] : command;
}

/** Whether a command accepts all of these flags. With no flags it can always be repeated. */
function takes(command: string, flags: readonly (readonly string[])[]): boolean {
  if (/^setup\b/.test(command)) return true;
  const known = KNOWN_FLAGS.find(([pattern]) => pattern.test(command))?.[1] ?? [];
  return flags.every(([name = '']) => known.includes(name));
}

/** The words before the first flag. */
export function commandOf(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith('-'));
  return end === -1 ? words : words.slice(0, end);
}

/** Each flag with its values: words that are not flags belong to the flag before them. */
export function flagsOf(words: readonly string[]): string[][] {
  const flags: string[][] = [];
  for (const word of words) {
    const [, name, value] = /^(--?[^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name !== undefined) flags.push(value === undefined ? [name] : [name, value]);
    else flags.at(-1)?.push(word);
  }
  return flags;
}

/** A flag with its values, those that hold a secret replaced. */
export function withoutSecret([name = '', ...values]: readonly string[]): string[] {
  return [name, ...values.map(masked)];
}

function masked(word: string): string {
  return createRedactor().redact(word) === word ? word : SECRET.token;
}
