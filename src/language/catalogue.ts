import { type Formats, formatsOf, kindOf, SHAPES, type ValueKind } from './values.ts';

/** A translation: one text, or one per plural form of the language. */
export type Translation = string | Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>;

/**
 * The texts of one language, as in its file in `assets/languages`. A key is the English text, with a name in
 * braces for each value; `{n} check | {n} checks` is a text whose plural form depends on `{n}`. The name of a
 * value determines its kind: see `values.ts`. `{reason?}` is a phrase, translated if possible; with
 * `{reason!}` the whole text stays English if it is not.
 */
export interface CatalogueFile {
  locale: string;
  units: Formats['unit'];
  /** Replacements for non-ASCII letters, for ASCII output. */
  ascii: Readonly<Record<string, string>>;
  texts: Readonly<Record<string, Translation>>;
}

export interface Placeholder {
  name: string;
  kind: ValueKind;
}

export interface Entry {
  placeholders: readonly Placeholder[];
  translation: Translation;
  /** Matches the English text; its groups are the values. */
  pattern: RegExp;
}

export interface Catalogue {
  formats: Formats;
  plurals: Intl.PluralRules;
  /** By the English text with `{}` for each value. */
  entries: ReadonlyMap<string, Entry>;
  /** Entries with values, those with the longest fixed text first: the most specific match wins. */
  patterns: readonly Entry[];
}

const PLACEHOLDER = /\{(\w+[?!]?)\}/g;

/** Prepares a catalogue for lookups. @param spoken converts a text to this program's own name and command. */
export function readCatalogue(file: CatalogueFile, spoken: (text: string) => string): Catalogue {
  const entries = new Map<string, Entry>();
  const patterns: (Entry & { length: number })[] = [];
  for (const [key, written] of Object.entries(file.texts)) {
    const translation = eachForm(written, spoken);
    for (const english of englishForms(key)) {
      for (const text of new Set([english, spoken(english)])) {
        const entry = { placeholders: placeholdersOf(text), translation, pattern: patternOf(text) };
        entries.set(text.replaceAll(PLACEHOLDER, '{}'), entry);
        const { length } = text.replaceAll(PLACEHOLDER, '');
        if (isTelling(entry.placeholders, length)) patterns.push({ ...entry, length });
      }
    }
  }
  return {
    formats: formatsOf(file.locale, file.units),
    plurals: new Intl.PluralRules(file.locale),
    entries,
    patterns: patterns.sort((a, b) => b.length - a.length),
  };
}

/** Applies a change to every form of a translation. */
export function eachForm(translation: Translation, change: (text: string) => string): Translation {
  if (typeof translation === 'string') return change(translation);
  return Object.fromEntries(Object.entries(translation).map(([form, text]) => [form, change(text)]));
}

/** Patterns with less fixed text would match unrelated texts. */
const FEWEST_CHARACTERS = 8;

function isTelling(placeholders: readonly Placeholder[], length: number): boolean {
  if (placeholders.length === 0) return false;
  const isVague = placeholders.some(({ name, kind }) => kind === 'as-is' || name.endsWith('?'));
  return !isVague || length >= FEWEST_CHARACTERS;
}

/** Splits `{n} check | {n} checks` into two texts. */
export function englishForms(key: string): string[] {
  return key.split(' | ');
}

export function placeholdersOf(text: string): Placeholder[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => ({ name, kind: kindOf(name) }));
}

/** Directly after another value, so that neither takes a piece of the other: nothing, or ` (407)`, `: why`. */
const AFTER_A_VALUE = String.raw`(|(?: |[,:;] )[^\n]*?)`;

function patternOf(text: string): RegExp {
  const parts = text.split(PLACEHOLDER);
  const source = parts.map((part, index) => {
    if (index % 2 === 0) return part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    if (!part.endsWith('?')) return `(${SHAPES[kindOf(part)]})`;
    return index > 1 && parts[index - 1] === '' ? AFTER_A_VALUE : '([^\\n]*?)';
  });
  return new RegExp(`^${source.join('')}$`, 'u');
}
