import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { texts } from '../../scripts/texts.mjs';
import { englishForms, placeholdersOf, type Translation } from '../../src/language/catalogue.ts';
import { LANGUAGES } from '../../src/language/choose.ts';
import { catalogueFile } from '../../src/language/load.ts';
import { namesIn } from '../../src/language/translate.ts';

const SOURCES = texts();
const { madeOfParts } = JSON.parse(
  readFileSync(new URL('../../scripts/texts.json', import.meta.url), 'utf8'),
) as { madeOfParts: string[] };
const unnamed = (text: string) => text.replaceAll(/\{\w+[?!]?\}/g, '{}');

it('finds the texts of the screens', () => {
  const found = SOURCES.map(({ text }) => text);
  expect(found).toContain('What should {} be able to do on this machine?');
  expect(found).toContain('{} file | {} files');
  expect(found).toContain('Try again');
  expect(found.length).toBeGreaterThan(300);
});

describe.each(LANGUAGES.filter((language) => language !== 'en'))('the catalogue of %s', (language) => {
  const entries = Object.entries<Translation>(catalogueFile(language).texts);
  const known = new Set(entries.flatMap(([key]) => englishForms(key)).map(unnamed));

  it('has every text that a screen can show', () => {
    const missing = SOURCES.filter(({ text }) => !englishForms(text).every((form) => known.has(form)));
    expect(missing.map(({ path, line, text }) => `${path}:${line}  ${text}`)).toEqual([]);
  });

  it('has no text that no screen can show', () => {
    const shown = new Set([...SOURCES.flatMap(({ text }) => englishForms(text)), ...madeOfParts]);
    const unused = entries.filter(([key]) => !englishForms(key).some((form) => shown.has(unnamed(form))));
    expect(unused.map(([key]) => key)).toEqual([]);
  });

  it('holds each text once, whatever its values are called', () => {
    const forms = entries.flatMap(([key]) => englishForms(key).map(unnamed));
    expect(forms.filter((form, index) => forms.indexOf(form) !== index)).toEqual([]);
  });

  it('uses the values of the English text, each of them', () => {
    const wrong = entries.filter(([key, translation]) => {
      const names = placeholdersOf(englishForms(key)[0] ?? '').map(({ name }) => name);
      return namesIn(translation).some((form) => [...form].sort().join() !== [...names].sort().join());
    });
    expect(wrong.map(([key]) => key)).toEqual([]);
  });

  it('has the plural forms of the language', () => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    const plural = entries.filter(([, translation]) => typeof translation !== 'string');
    for (const [key, translation] of plural) expect([key, Object.keys(translation)]).toEqual([key, forms]);
    const counted = entries.filter(([key]) => englishForms(key).length > 1);
    if (forms.length > 1) expect(counted.filter(([, text]) => typeof text === 'string')).toEqual([]);
  });

  it('has nothing in it that a terminal obeys', () => {
    for (const [, translation] of entries)
      expect(JSON.stringify(translation)).not.toMatch(/\\u00|\p{Cf}|\\n/u);
  });
});
