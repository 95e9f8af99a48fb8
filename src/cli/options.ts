import { InvalidArgumentError, Option } from 'commander';
import { requireValue } from './commands/setup-flags.ts';

/** For every command that installs. */
export function featureOption(): Option {
  return new Option('--feature <feature>', 'what the runtime should be able to do').choices([
    'core',
    'local-embeddings',
  ]);
}

/** Parses a flag that requires a value; another flag does not count as one. */
export function value(flag: string): (text: string) => string {
  return (text) => {
    try {
      return requireValue(flag, text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}

/** Parses a flag whose value is a count. */
export function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    if (/^\d{1,6}$/.test(text)) return Number(text);
    throw new InvalidArgumentError(`${flag} needs a whole number, not "${text}".`);
  };
}
