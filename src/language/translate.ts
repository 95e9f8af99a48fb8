import { type Catalogue, type Entry, placeholdersOf, type Translation } from './catalogue.ts';
import { localValue } from './values.ts';

/** `null`: English, the language of the sources. */
let catalogue: Catalogue | null = null;
const known = new Map<string, string>();
const MAX_KNOWN = 5000;
/** A phrase in a phrase in a phrase; more than that is a text that matches itself. */
const MAX_DEPTH = 4;
/** Longer than any sentence of ours: what is looked through for words stays cheap, whatever a host has sent. */
const MAX_MATCHED_CHARACTERS = 1000;

/** From now on texts for people are in the language of this catalogue; `null`: in English. */
export function speak(next: Catalogue | null): void {
  catalogue = next;
  known.clear();
}

/** Whether texts for people are in another language than English. */
export function isTranslating(): boolean {
  return catalogue !== null;
}

/**
 * A text of a screen, in the language of the person: `` t`${size} on disk` ``. The words are the key of the catalogue, the
 * values go where the translation wants them. A text without a translation is English, whole.
 */
export function t(words: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  const english = words.reduce((text, part, index) => text + String(values[index - 1]) + part);
  if (catalogue === null) return english;
  const entry = catalogue.entries.get(words.join('{}'));
  return entry ? (filled(entry, values.map(String), catalogue, 0) ?? english) : english;
}

/** A text that is kept until somebody shows it: it is English until then, and a catalogue has to hold it. */
export function translatable<Text extends string>(english: Text): Text {
  return english;
}

/**
 * A text that arose below, where events and errors speak English: found again in the catalogue by its words, with whatever
 * stands in the places of its values. What is not found stays as it is.
 */
export function said(text: string): string {
  if (catalogue === null || text === '') return text;
  const before = known.get(text);
  if (before !== undefined) return before;
  const translated = found(text, catalogue, 0) ?? text;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, translated);
  return translated;
}

/** A number, size or time by itself. */
export function saidValue(text: string): string {
  if (catalogue === null) return text;
  const { formats } = catalogue;
  return (['time', 'size', 'number'] as const).reduce(
    (value, kind) => localValue(value, kind, formats),
    text,
  );
}

function found(text: string, from: Catalogue, depth: number): string | null {
  const exact = from.entries.get(text);
  if (exact?.placeholders.length === 0) return filled(exact, [], from, depth);
  if (depth > MAX_DEPTH || text.length > MAX_MATCHED_CHARACTERS) return null;
  for (const entry of from.patterns) {
    const match = entry.pattern.exec(text);
    const translated = match && filled(entry, match.slice(1), from, depth);
    if (translated !== null) return translated;
  }
  return null;
}

/** `null` when a phrase in it has no translation and has to have one. */
function filled(
  { placeholders, translation }: Entry,
  values: readonly string[],
  from: Catalogue,
  depth: number,
): string | null {
  const local = new Map<string, string>();
  let form: Intl.LDMLPluralRule = 'other';
  for (const [index, { name, kind }] of placeholders.entries()) {
    const value = values[index] ?? '';
    if (kind === 'phrase') {
      const phrase = found(value, from, depth + 1);
      if (phrase === null && name.endsWith('!')) return null;
      local.set(name, phrase ?? value);
    } else {
      const written = localValue(value, kind, from.formats);
      // `size unknown` is no size.
      local.set(
        name,
        kind === 'as-is' || written !== value ? written : (found(value, from, depth + 1) ?? value),
      );
      if (name === 'n') form = from.plurals.select(Number(value.replaceAll(',', '')));
    }
  }
  return formOf(translation, form).replaceAll(
    /\{(\w+[?!]?)\}/g,
    (whole, name: string) => local.get(name) ?? whole,
  );
}

function formOf(translation: Translation, form: Intl.LDMLPluralRule): string {
  return typeof translation === 'string' ? translation : (translation[form] ?? translation.other ?? '');
}

/** The names in a translation, for tests. */
export function namesIn(translation: Translation): string[][] {
  const forms = typeof translation === 'string' ? [translation] : Object.values(translation);
  return forms.map((form) => placeholdersOf(form).map(({ name }) => name));
}
