import { afterEach, describe, expect, it } from 'vitest';
import {
  type CatalogueFile,
  eachForm,
  englishForms,
  placeholdersOf,
  readCatalogue,
} from '../../src/language/catalogue.ts';
import {
  isTranslating,
  namesIn,
  said,
  saidValue,
  speak,
  t,
  translatable,
} from '../../src/language/translate.ts';
import { formatsOf, kindOf, localValue } from '../../src/language/values.ts';

const UNITS = { s: '{} Sek.', min: '{} Min.', h: '{} Std.' };
const speakTexts = (texts: CatalogueFile['texts'], spoken = (text: string) => text) =>
  speak(readCatalogue({ locale: 'de', units: UNITS, ascii: {}, texts }, spoken));
afterEach(() => speak(null));

it.each([
  ['n', 'number'],
  ['nFiles', 'number'],
  ['name', 'as-is'],
  ['size', 'size'],
  ['sizeFree', 'size'],
  ['sizes', 'as-is'],
  ['ownSize', 'as-is'],
  ['time', 'time'],
  ['timeLeft', 'time'],
  ['timeout', 'as-is'],
  ['runtime', 'as-is'],
  ['reason?', 'phrase'],
  ['n!', 'phrase'],
  ['host', 'as-is'],
] as const)('{%s} is a value of the kind %s', (name, kind) => {
  expect(kindOf(name)).toBe(kind);
  expect(placeholdersOf(`a {${name}} b`)).toEqual([{ name, kind }]);
});

const formats = formatsOf('de', UNITS);

it.each<[string, Parameters<typeof localValue>[1], string]>([
  ['1', 'number', '1'],
  ['1,234', 'number', '1.234'],
  ['1,234,567', 'number', '1.234.567'],
  ['1.5', 'number', '1.5'],
  ['x1', 'number', 'x1'],
  ['1x', 'number', '1x'],
  ['8.4 MB', 'size', '8,4 MB'],
  ['27 GB', 'size', '27 GB'],
  ['2.0 kB', 'size', '2,0 kB'],
  ['512 B', 'size', '512 B'],
  ['9.0 TB', 'size', '9,0 TB'],
  ['27 XB', 'size', '27 XB'],
  ['size unknown', 'size', 'size unknown'],
  ['9.1 s', 'time', '9,1 Sek.'],
  ['2.0 s', 'time', '2,0 Sek.'],
  ['24 s', 'time', '24 Sek.'],
  ['1 min', 'time', '1 Min.'],
  ['1 min 5 s', 'time', '1 Min. 5 Sek.'],
  ['2 h 5 min', 'time', '2 Std. 5 Min.'],
  ['2 h', 'time', '2 h'],
  ['1 day', 'time', '1 day'],
  ['1,234', 'as-is', '1,234'],
  ['1,234', 'phrase', '1,234'],
])('%s as a %s is %s', (value, kind, expected) => {
  expect(localValue(value, kind, formats)).toBe(expected);
});

it('a single value is formatted by what it looks like', () => {
  expect(saidValue('2.0 s')).toBe('2.0 s');
  speakTexts({});
  expect(saidValue('2.0 s')).toBe('2,0 Sek.');
  expect(saidValue('8.4 MB')).toBe('8,4 MB');
  expect(saidValue('1,234')).toBe('1.234');
  expect(saidValue('words')).toBe('words');
});

describe('a catalogue', () => {
  it('has its texts in the name of this program too', () => {
    speakTexts({ 'Run ktx setup.': 'ktx setup starten.', 'Run ktx for {host}.': 'ktx für {host}.' }, (text) =>
      text.replace('ktx', 'acme'),
    );
    expect(said('Run ktx setup.')).toBe('acme setup starten.');
    expect(said('Run acme setup.')).toBe('acme setup starten.');
    expect(said('Run acme for a.example.')).toBe('acme für a.example.');
  });

  it('has forms', () => {
    expect(englishForms('one | two')).toEqual(['one', 'two']);
    expect(englishForms('one|two')).toEqual(['one|two']);
    expect(eachForm('a', (text) => `${text}!`)).toBe('a!');
    expect(eachForm({ one: 'a', other: 'b' }, (text) => `${text}!`)).toEqual({ one: 'a!', other: 'b!' });
    expect(namesIn('{n} of {host?}')).toEqual([['n', 'host?']]);
    expect(namesIn({ one: '{n}', other: '{n} {host}' })).toEqual([['n'], ['n', 'host']]);
  });

  it('is used from the next text on, and English without one', () => {
    expect(isTranslating()).toBe(false);
    expect(said('Ready.')).toBe('Ready.');
    speakTexts({ 'Ready.': 'Bereit.' });
    expect(isTranslating()).toBe(true);
    expect(said('Ready.')).toBe('Bereit.');
    speakTexts({ 'Ready.': 'Fertig.' });
    expect(said('Ready.')).toBe('Fertig.');
    speak(null);
    expect(isTranslating()).toBe(false);
    expect(said('Ready.')).toBe('Ready.');
    expect(translatable('Ready.')).toBe('Ready.');
  });

  it.each([
    ['{a}: {b}', 'x: y', 'x: y'],
    ['{a} of {b}', 'x of y', 'x of y'],
    ['{a?} is in', 'x is in', 'x is in'],
    ['{a} is it', 'x is it', 'x is it'],
    ['{a} is it.', 'x is it.', 'x is it.'],
    ['{a} is mine', 'x is mine', 'wahr'],
    ['{a} is the one', 'x is the one', 'wahr'],
    ['{n} is', '7 is', 'wahr'],
    ['{reason!} is', 'Nothing is', 'Nothing is'],
  ])('with %s says %s as %s: too few fixed characters match anything', (key, text, expected) => {
    speakTexts({ [key]: 'wahr' });
    expect(said(text)).toBe(expected);
  });

  it('prefers the longest fixed text, whatever the order', () => {
    for (const turned of [false, true]) {
      const rows = Object.entries({
        'The file {path} is missing': 'kurz {path}',
        'The file {path} of the runtime is missing': 'lang {path}',
      });
      speakTexts(Object.fromEntries(turned ? rows.reverse() : rows));
      expect(said('The file /x of the runtime is missing')).toBe('lang /x');
      expect(said('The file /x is missing')).toBe('kurz /x');
    }
  });

  it('takes signs of patterns as they are', () => {
    speakTexts({ 'Is {host} (a+b) [c]? $1 ^.': 'ja {host}' });
    expect(said('Is x (a+b) [c]? $1 ^.')).toBe('ja x');
    expect(said('Is x (aab) [c]? $1 ^.')).toBe('Is x (aab) [c]? $1 ^.');
    expect(said('So: Is x (a+b) [c]? $1 ^.')).toBe('So: ja x');
  });
});

describe('a text with values', () => {
  it('is translated by its fixed words', () => {
    expect(t`${3} of ${'four'} are there`).toBe('3 of four are there');
    speakTexts({ '{n} of {total} are there': '{total}: {n}', 'Only words': 'Nur Wörter' });
    expect(t`${3} of ${'four'} are there`).toBe('four: 3');
    expect(t`Only words`).toBe('Nur Wörter');
    expect(t`Other ${1}`).toBe('Other 1');
  });

  it('has the plural form of its number', () => {
    speakTexts({
      '{n} file | {n} files': { one: '{n} Datei', other: '{n} Dateien' },
      '{n} thing | {n} things': { other: '{n} Dinge' },
      'no {n} form': {},
    });
    expect([said('1 file'), said('2 files'), said('1,000 files')]).toEqual([
      '1 Datei',
      '2 Dateien',
      '1.000 Dateien',
    ]);
    expect([t`${1} file`, t`${0} files`]).toEqual(['1 Datei', '0 Dateien']);
    expect(said('1 thing')).toBe('1 Dinge');
    expect(said('no 1 form')).toBe('');
  });

  it('keeps a name that the translation has and the text has not', () => {
    speakTexts({ 'Nothing of {host} is there': '{host} {path} {reason?}' });
    expect(said('Nothing of a.example is there')).toBe('a.example {path} {reason?}');
  });

  it('has phrases translated where they can be', () => {
    speakTexts({
      'It is late': 'Es ist spät',
      'Stopped because: {reason?}': 'Beendet: {reason?}',
      'Ended because: {reason!}': 'Zu Ende: {reason!}',
      'Size of it: {size}': 'Größe: {size}',
      'size unknown': 'unbekannt',
      'Waited for {host}': 'Gewartet: {host}',
    });
    expect(said('Stopped because: It is late')).toBe('Beendet: Es ist spät');
    expect(said('Stopped because:   It is late')).toBe('Beendet:   Es ist spät');
    expect(said('Stopped because: others')).toBe('Beendet: others');
    expect(said('Ended because: It is late')).toBe('Zu Ende: Es ist spät');
    expect(said('Ended because: others')).toBe('Ended because: others');
    expect(said('Size of it: size unknown')).toBe('Größe: unbekannt');
    expect(said('Size of it: 1.5 MB')).toBe('Größe: 1,5 MB');
    expect(said('Waited for It is late')).toBe('Gewartet: It is late');
  });

  it('is joined of sentences', () => {
    speakTexts({ 'No file was found.': 'Keine Datei gefunden.', 'It is late.': 'Es ist spät.' });
    expect(said('No file was found: It is late.')).toBe('Keine Datei gefunden: Es ist spät.');
    expect(said('No file was found: others.')).toBe('Keine Datei gefunden: others.');
    expect(said('mirror.example: It is late.')).toBe('mirror.example: Es ist spät.');
    expect(said('mirror.example: others.')).toBe('mirror.example: others.');
    expect(said('two words: It is late.')).toBe('two words: It is late.');
    expect(said('')).toBe('');
  });

  it('is looked into four phrases deep, and up to 1000 characters', () => {
    speakTexts({ 'It is late': 'Es ist spät', 'And also: {reason?}': 'Und: {reason?}' });
    const nested = (levels: number) => 'And also: '.repeat(levels);
    const joined = (levels: number) => `${'Und: '.repeat(levels)}`;
    expect(said(`${nested(5)}It is late`)).toBe(`${joined(5)}Es ist spät`);
    expect(said(`${nested(6)}nothing`)).toBe(`${joined(5)}And also: nothing`);
    const long = (characters: number) => `And also: ${'x'.repeat(characters - 'And also: '.length)}`;
    expect(said(long(1000))).toMatch(/^Und: /);
    expect(said(long(1001))).toMatch(/^And also: /);
  });

  it('is said the same again', () => {
    speakTexts({ 'Waited for {host}': 'Gewartet: {host}' });
    for (let round = 0; round < 2; round++)
      for (let at = 0; at < 5010; at += 1)
        if (at % 501 === 0 || round === 0) expect(said(`Waited for ${at}`)).toBe(`Gewartet: ${at}`);
  });
});
