import { describe, expect, it } from 'vitest';
import { commandOf, flagsOf, remedyFor, withoutSecret } from '../../src/core/invocation.ts';
import { remedy } from '../../src/support/remedy.ts';

const SETUP = ['ktx', 'setup'];

/** A next attempt with this flag, after this command failed. */
function next(failed: string, ...own: string[]): string {
  const made = remedy('other', 'Try', { argv: [...SETUP, ...own], nextAttempt: 'argv' });
  return remedyFor(made, { program: ['ktx'], args: failed.split(' ').filter(Boolean) }).argv!.join(' ');
}

describe('a next attempt with a flag of its own', () => {
  const FLAGS = ['--runtime-root', '--index-url', '--offline', '--force', '--feature', '--yes'];
  it.each<[string, string[]]>([
    ['setup', FLAGS],
    ['', FLAGS],
    ['doctor', ['--runtime-root', '--index-url', '--offline']],
    ['bundle create', ['--runtime-root', '--index-url', '--offline']],
    ['admin runtime install', ['--runtime-root', '--force', '--feature']],
    ['admin runtime start', ['--runtime-root', '--force', '--feature']],
    ['admin runtime undo', ['--runtime-root']],
    ['embed', ['--runtime-root']],
    ['status', ['--runtime-root']],
    ['bundle verify', []],
    ['doctors', []],
  ])('repeats "%s" where it takes the flag, and is a setup where it does not', (failed, taken) => {
    for (const flag of FLAGS) {
      const repeated = taken.includes(flag) ? failed || 'setup' : 'setup';
      expect([flag, next(failed, flag, 'x')]).toEqual([flag, `ktx ${repeated} ${flag} x`]);
    }
    expect(next(failed)).toBe(`ktx ${failed || 'setup'}`);
  });

  it('takes the folder of the runtime along to another command, and no other flag', () => {
    expect(next('bundle verify --runtime-root /r --json', '--force')).toBe(
      'ktx setup --runtime-root /r --force',
    );
  });

  it.each(['--dry-run', '--print-schema', '--debug', '--help', '-h'])('does not repeat %s', (flag) => {
    expect(next(`setup ${flag} --yes`)).toBe('ktx setup --yes');
  });
});

describe('words of a command line', () => {
  it.each([
    [[], [], []],
    [['setup'], ['setup'], []],
    [['--yes'], [], [['--yes']]],
    [
      ['a', 'b', '-x', 'c', 'd', '--y=z'],
      ['a', 'b'],
      [
        ['-x', 'c', 'd'],
        ['--y', 'z'],
      ],
    ],
    [['a', '--y='], ['a'], [['--y', '']]],
    [['a', '--y=1=2'], ['a'], [['--y', '1=2']]],
  ] as [string[], string[], string[][]][])('%j are a command and its flags', (words, command, flags) => {
    expect(commandOf(words)).toEqual(command);
    expect(flagsOf(words.slice(command.length))).toEqual(flags);
  });

  it('a secret among them is a placeholder', () => {
    expect(withoutSecret(['--index-url', 'https://me:hidden-word@a.example/', 'x'])).toEqual([
      '--index-url',
      '<secret>',
      'x',
    ]);
    expect(withoutSecret(['--yes'])).toEqual(['--yes']);
  });
});
