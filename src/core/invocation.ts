import { type Remedy, withCommand } from '../support/remedy.ts';
import { createRedactor } from '../support/text/redaction.ts';
import { programWords } from './program-words.ts';
import { rememberedArguments } from './this-run.ts';

/** A command line of this program. */
export interface Invocation {
  /** How it was started. */
  program: readonly string[];
  /** What it was given. */
  args: readonly string[];
}

/** The command line of this process; without flags where another program uses the library. */
export function thisInvocation(): Invocation {
  return { program: programWords(), args: rememberedArguments() };
}

/**
 * A remedy as the whole command that carries it out here: with the words that start this program, and for a next attempt with the
 * flags that the failed run had, but for those that the remedy gives another value or leaves out. A flag whose value holds a
 * secret keeps a placeholder instead.
 */
export function remedyFor(remedy: Remedy, invocation: Invocation = thisInvocation()): Remedy {
  let isSecretNeeded = false;
  const inThisRun = (argv: readonly string[] | null) => {
    if (argv?.[0] !== 'ktx') return argv;
    const words = wordsFor(argv.slice(1), remedy.drop, invocation.args);
    isSecretNeeded ||= words.includes(SECRET.token);
    return [...invocation.program, ...words];
  };
  const argv = inThisRun(remedy.argv);
  const afterwards = inThisRun(remedy.afterwards);
  const placeholders = isSecretNeeded ? [...remedy.placeholders, SECRET] : remedy.placeholders;
  return withCommand({ ...remedy, argv, afterwards, placeholders });
}

const SECRET = { token: '<secret>', name: 'secret', type: 'secret' } as const;

/** Flags that belong to one kind of output or attempt, and are no part of the next one. */
const NOT_CARRIED = ['--dry-run', '--print-schema', '--debug', '--help', '-h'];

/** Commands that look for the runtime where the failed one did. */
const HAS_ROOT = /^(?:setup|doctor|admin (?:network|report))/;

function wordsFor(words: readonly string[], drop: readonly string[], args: readonly string[]): string[] {
  const command = commandOf(words);
  const own = flagsOf(words.slice(command.length));
  const ownNames = new Set(own.map(([name]) => name));
  // A bare `ktx` is a setup.
  const isSameCommand = command.join(' ') === (args.length === 0 ? 'setup' : commandOf(args).join(' '));
  const isCarried = (name: string) =>
    isSameCommand
      ? !NOT_CARRIED.includes(name)
      : name === '--runtime-root' && HAS_ROOT.test(command.join(' '));
  const carried = flagsOf(args.slice(commandOf(args).length)).filter(
    ([name = '']) => !ownNames.has(name) && !drop.includes(name) && isCarried(name),
  );
  const isSetting = command[0] === 'admin';
  const given = carried.flatMap(withoutSecret);
  return isSetting ? [...words, ...given] : [...command, ...given, ...own.flat()];
}

function commandOf(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith('-'));
  return end === -1 ? words : words.slice(0, end);
}

/** Each flag with its value, if it has one: what follows a flag and is none belongs to it. */
function flagsOf(words: readonly string[]): string[][] {
  const flags: string[][] = [];
  for (const word of words) {
    const [, name, value] = /^(--?[^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name !== undefined) flags.push(value === undefined ? [name] : [name, value]);
    else flags.at(-1)?.push(word);
  }
  return flags;
}

function withoutSecret([name = '', ...values]: readonly string[]): string[] {
  const redactor = createRedactor();
  return [name, ...values.map((value) => (redactor.redact(value) === value ? value : SECRET.token))];
}
