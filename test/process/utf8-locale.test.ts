import { expect, it } from 'vitest';
import { withUtf8Locale } from '../../src/process/utf8-locale.ts';

it.each<[string, NodeJS.ProcessEnv, boolean]>([
  ['none', {}, true],
  ['all empty', { LC_ALL: '', LC_CTYPE: '', LANG: '' }, true],
  ['UTF-8', { LANG: 'de_DE.UTF-8' }, true],
  ['utf8', { LANG: 'de_DE.utf8@euro' }, true],
  ['C', { LANG: 'C' }, true],
  ['POSIX', { LC_ALL: 'posix' }, true],
  ['C with more', { LANG: 'C.ISO-8859-1' }, false],
  ['more before C', { LANG: 'xC' }, false],
  ['Latin 1', { LANG: 'de_DE.ISO-8859-1' }, false],
  ['no character set', { LANG: 'de_DE' }, false],
  ['LC_CTYPE before LANG', { LC_CTYPE: 'ja_JP.eucJP', LANG: 'C.UTF-8' }, false],
  ['LC_ALL before LC_CTYPE', { LC_ALL: 'C.UTF-8', LC_CTYPE: 'ja_JP.eucJP' }, true],
  ['an empty LC_ALL', { LC_ALL: '', LC_CTYPE: 'ja_JP.eucJP' }, false],
])('the locale of a child is changed only where it would misread names: %s', (_, env, isKept) => {
  const given = { ...env, OTHER: 'kept' };
  expect(withUtf8Locale(given, 'linux')).toEqual(isKept ? given : { ...given, LC_ALL: 'C.UTF-8' });
  for (const platform of ['darwin', 'win32'] as const) expect(withUtf8Locale(given, platform)).toBe(given);
});
