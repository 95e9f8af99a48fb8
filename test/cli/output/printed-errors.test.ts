import { afterEach, describe, expect, it } from 'vitest';
import { noteTo, printError } from '../../../src/cli/output/print-error.ts';
import { speakAsAsked } from '../../../src/cli/output/speak.ts';
import { isTranslating, speak } from '../../../src/language/translate.ts';
import { givenInstead } from '../../../src/network/settings/given-instead.ts';
import { SetupError } from '../../../src/support/errors.ts';
import { otherRemedy, SET_PROXY, USE_INDEX } from '../../../src/support/remedies.ts';

afterEach(() => speak(null));

function printed(print: (io: Parameters<typeof printError>[0]) => void) {
  const out = { stdout: '', stderr: '' };
  print({
    stdout: { write: (text) => (out.stdout += text) },
    stderr: { write: (text) => (out.stderr += text) },
  });
  expect(out.stdout).toBe('');
  return out.stderr;
}
const known = new SetupError('No disk.', {
  failureClass: 'disk',
  evidence: ['one', 'two'],
  remedies: [otherRemedy('Wait'), otherRemedy('Leave')],
});
const KNOWN = '  one\n  two\n  next     Wait.\n           Leave.\n';
const within = (levels: number): Error =>
  levels === 0 ? known : new Error(`level ${levels}`, { cause: within(levels - 1) });

describe('an error', () => {
  it('is printed with its evidence and what to do', () => {
    expect(printed((io) => printError(io, known))).toBe(`No disk.\n${KNOWN}`);
    expect(printed((io) => printError(io, within(1)))).toBe(`level 1\n  No disk.\n${KNOWN}`);
    expect(printed((io) => printError(io, within(7)))).toBe(`level 7\n  No disk.\n${KNOWN}`);
    expect(printed((io) => printError(io, within(8)))).toBe('level 8\n');
    expect(printed((io) => printError(io, 'text'))).toBe('text\n');
  });

  it('is printed with the stacks of its causes when asked for', () => {
    const inner = Object.assign(new Error('inner'), { stack: 'stack of inner' });
    const outer = Object.assign(new Error('outer', { cause: inner }), { stack: 'stack of outer' });
    expect(printed((io) => printError(io, outer))).toBe('outer\n');
    expect(printed((io) => printError(io, outer, true))).toBe('stack of outer\ncaused by: stack of inner\n');
    expect(printed((io) => printError(io, inner, true))).toBe('stack of inner\n');
    const bare = Object.assign(new Error('bare', { cause: 'text' }), { stack: undefined });
    expect(printed((io) => printError(io, bare, true))).toBe('bare\n');
    expect(printed((io) => printError(io, 'text', true))).toBe('text\n');
  });

  it('a note is printed with its level', () => {
    expect(printed((io) => noteTo(io)('warning', 'late'))).toBe('warning: late\n');
    expect(printed((io) => noteTo(io)('info', 'waiting'))).toBe('waiting\n');
  });
});

describe('the language that was asked for', () => {
  const utf8 = { LANG: 'C.UTF-8' };
  it('is spoken from then on', async () => {
    await speakAsAsked('de', utf8);
    expect(isTranslating()).toBe(true);
    await speakAsAsked('en', utf8);
    expect(isTranslating()).toBe(false);
    await speakAsAsked(null, { LANG: 'de_DE.UTF-8' });
    expect(isTranslating()).toBe(true);
    await speakAsAsked(null, utf8);
    expect(isTranslating()).toBe(false);
  });

  it('must be known', async () => {
    for (const tag of ['fr', ''])
      await expect(speakAsAsked(tag, utf8)).rejects.toThrow(new Error('--language takes en, de, ja'));
  });
});

describe('another value for a setting', () => {
  it.each([
    ['proxy', '<host:port>', 'proxy'],
    ['index', '<url>', 'index-url'],
    ['address', '<url>', 'index-url'],
  ] as const)('of a variable is given for this run: %s', (kind, token, name) => {
    expect(givenInstead('MY_SETTING1', kind)).toMatchObject([
      {
        id: 'give-setting',
        label: 'Give another MY_SETTING1, for this run',
        argv: ['ktx', 'setup'],
        nextAttempt: 'argv',
        env: { MY_SETTING1: token },
        placeholders: [{ token, name }],
      },
    ]);
  });

  it.each(['--index-url', 'pip configuration (/x/pip.conf)', '1X', 'a b', ''])(
    'of %j is stored',
    (origin) => {
      expect(givenInstead(origin, 'proxy')).toEqual([SET_PROXY]);
      expect(givenInstead(origin, 'index')).toEqual([USE_INDEX]);
      expect(givenInstead(origin, 'address')).toEqual([]);
    },
  );
});
