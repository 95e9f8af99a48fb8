import { type Catalogue, type Entry, placeholdersOf, type Translation } from './catalogue.ts';
import { localValue } from './values.ts';

/** `null`: English, the language of the sources. */
let catalogue: Catalogue | null = null;
const known = new Map<string, string>();
const MAX_KNOWN = 5000;
/** Maximum nesting of phrases; a deeper text probably matches itself. */
const MAX_DEPTH = 4;
/** Longer than any text of ours: bounds the cost of matching, whatever a host has sent. */
const MAX_MATCHED_CHARACTERS = 1000;

/** Sets the catalogue for user-facing texts; `null`: English. */
export function speak(next: Catalogue | null): void {
  catalogue = next;
  known.clear();
}

/** Whether user-facing texts are in a language other than English. */
export function isTranslating(): boolean {
  return catalogue !== null;
}

/**
 * A text of a screen, translated: `` t`${size} on disk` ``. The fixed words are the key of the catalogue; the
 * translation places the values. Without a translation the whole text is English.
 */
export function t(words: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  const english = words.reduce((text, part, index) => text + String(values[index - 1]) + part);
  if (catalogue === null) return english;
  const entry = catalogue.entries.get(words.join('{}'));
  return entry ? (filled(entry, values.map(String), catalogue, 0) ?? english) : english;
}

/** Marks an English text that is translated later, when it is shown, so that the catalogues must contain it. */
export function translatable<Text extends string>(english: Text): Text {
  return english;
}

/**
 * Translates a complete text from lower layers, whose events and errors are English: matched against the
 * catalogue, with any values. Unknown texts are unchanged.
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

/** Formats a single number, size or time for the language. */
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
  const deferred: (() => string | null)[] = [];
  for (const entry of from.patterns) {
    const match = entry.pattern.exec(text);
    if (match === null) continue;
    const translate = (): string | null => filled(entry, match.slice(1), from, depth);
    // `{host} refused the connection.` also matches with what failed before the host.
    const [, first = ''] = match;
    if (first.includes(': ') && text.startsWith(first)) {
      deferred.push(translate);
      continue;
    }
    const translated = translate();
    if (translated !== null) return translated;
  }
  const joined = named(text, from, depth) ?? joinedSentences(text, from, depth);
  if (joined !== null) return joined;
  for (const translate of deferred) {
    const translated = translate();
    if (translated !== null) return translated;
  }
  return null;
}

/**
 * `What failed: Why.`, as `joinFailures` writes it: the catalogue has the first as a sentence of its own. A
 * reason in the words of others stays as it is.
 */
function joinedSentences(text: string, from: Catalogue, depth: number): string | null {
  for (const at of colonsIn(text)) {
    const sentence = `${text.slice(0, at)}.`;
    const what = found(sentence, from, depth + 1);
    if (what === null || what === sentence) continue;
    const why = text.slice(at + 2);
    return `${what.replace(/[.。]$/, '')}: ${found(why, from, depth + 1) ?? why}`;
  }
  return null;
}

/** `mirror.example: Why.`: the host, file or address that a sentence is about. */
function named(text: string, from: Catalogue, depth: number): string | null {
  const [at] = colonsIn(text);
  if (at === undefined || text.slice(0, at).includes(' ')) return null;
  const why = found(text.slice(at + 2), from, depth + 1);
  return why && `${text.slice(0, at)}: ${why}`;
}

function colonsIn(text: string): number[] {
  return [...text.matchAll(/: /g)].map(({ index }) => index);
}

/** `null` when a phrase that must be translated is not in the catalogue. */
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
      const words = value.trimStart();
      const phrase = found(words, from, depth + 1);
      if (phrase === null && name.endsWith('!')) return null;
      local.set(name, value.slice(0, value.length - words.length) + (phrase ?? words));
    } else {
      const written = localValue(value, kind, from.formats);
      // `size unknown` is a phrase rather than a size.
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
