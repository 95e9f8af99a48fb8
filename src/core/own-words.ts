import { commandOf, flagsOf, type Invocation, thisInvocation, withoutSecret } from './invocation.ts';

/**
 * The inverse of `remedyFor`: the command without the words that start this program and without the flags of
 * this run. `null` for another program's command.
 */
export function ownWordsOf(
  argv: readonly string[],
  { program, args }: Invocation = thisInvocation(),
): readonly string[] | null {
  const start = argv[0] === 'ktx' ? ['ktx'] : program;
  if (start.some((word, at) => argv[at] !== word)) return null;
  const words = argv.slice(start.length);
  const command = commandOf(words);
  const carried = new Set(
    flagsOf(args.slice(commandOf(args).length)).map((flag) => withoutSecret(flag).join(' ')),
  );
  const own = flagsOf(words.slice(command.length)).filter((flag) => !carried.has(flag.join(' ')));
  return [...command, ...own.flat()];
}
