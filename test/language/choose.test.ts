import { describe, expect, it } from 'vitest';
import { chooseLanguage, type Language, languageOf } from '../../src/language/choose.ts';

describe('the language of texts for people', () => {
  it.each<[string, Language | null, NodeJS.ProcessEnv, boolean, Language]>([
    ['nothing is said', null, {}, true, 'en'],
    ['the locale is German', null, { LANG: 'de_DE.UTF-8' }, true, 'de'],
    ['the locale is Swiss', null, { LANG: 'de_CH@euro' }, true, 'de'],
    ['the locale is Japanese', null, { LANG: 'ja_JP.UTF-8' }, true, 'ja'],
    ['the locale has no catalogue', null, { LANG: 'fr_FR.UTF-8' }, true, 'en'],
    ['the locale is C', null, { LANG: 'C' }, true, 'en'],
    ['the locale is C.UTF-8', null, { LANG: 'C.UTF-8' }, true, 'en'],
    ['the locale is POSIX', null, { LC_ALL: 'POSIX', LANG: 'de_DE.UTF-8' }, true, 'en'],
    ['LC_ALL wins over LC_MESSAGES', null, { LC_ALL: 'de_DE', LC_MESSAGES: 'ja_JP', LANG: 'C' }, true, 'de'],
    ['LC_MESSAGES wins over LANG', null, { LC_MESSAGES: 'ja_JP.UTF-8', LANG: 'de_DE' }, true, 'ja'],
    ['an empty LC_ALL says nothing', null, { LC_ALL: '', LANG: 'de_DE' }, true, 'de'],
    ['LC_CTYPE says nothing of messages', null, { LC_CTYPE: 'ja_JP.UTF-8', LANG: 'de_DE' }, true, 'de'],
    ['KTX_LANGUAGE wins over the locale', null, { KTX_LANGUAGE: 'ja', LC_ALL: 'de_DE' }, true, 'ja'],
    ['KTX_LANGUAGE is a tag', null, { KTX_LANGUAGE: 'de-AT', LANG: 'C' }, true, 'de'],
    ['KTX_LANGUAGE is English', null, { KTX_LANGUAGE: 'en', LANG: 'de_DE' }, true, 'en'],
    ['KTX_LANGUAGE has no catalogue', null, { KTX_LANGUAGE: 'xx', LANG: 'de_DE' }, true, 'en'],
    ['the flag wins over KTX_LANGUAGE', 'de', { KTX_LANGUAGE: 'ja' }, true, 'de'],
    ['ASCII shows German', null, { LANG: 'de_DE' }, false, 'de'],
    ['ASCII does not show Japanese', null, { LANG: 'ja_JP' }, false, 'en'],
    ['ASCII does not show Japanese that was asked for', 'ja', {}, false, 'en'],
    ['a dumb terminal does not show Japanese', null, { LANG: 'ja_JP.UTF-8', TERM: 'dumb' }, true, 'en'],
    ['a dumb terminal shows German', null, { LANG: 'de_DE.UTF-8', TERM: 'dumb' }, true, 'de'],
  ])('%s', (_what, flag, env, hasUnicode, expected) => {
    expect(chooseLanguage({ flag, env, hasUnicode })).toBe(expected);
  });

  it.each([
    ['DE', 'de'],
    ['deutsch', null],
    ['d', null],
    ['', null],
    ['../de', null],
  ])('reads the tag %j as %s', (tag, expected) => {
    expect(languageOf(tag)).toBe(expected);
  });
});
