import { programName, withProgramName } from './program-name.ts';

/**
 * The one place where text from outside (other programs, hosts, files of others) becomes text for a person or
 * a file. Everything that a terminal would act on, or that would make one text look like another, is escaped
 * as `\uXXXX`: control characters (C0 except line ends and tabs, DEL, C1), direction marks, invisible
 * separators and tags, lone surrogates. These are JSON's escapes, so a JSON document keeps its meaning.
 */
const UNSAFE =
  /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/u;
const EACH_UNSAFE = new RegExp(UNSAFE, 'gu');
/** Most text is pure ASCII, which is three times as fast to recognise. */
const BEYOND_ASCII = /[^\t\n\x20-\x7e]/;

const isUnsafe = (text: string): boolean => BEYOND_ASCII.test(text) && UNSAFE.test(text);

/** Safe text of one or more lines, with this program's own name in it. */
export function harmlessText(text: string): string {
  const named = withProgramName(text);
  if (!isUnsafe(named)) return named;
  return named.replaceAll('\r\n', '\n').replaceAll(EACH_UNSAFE, escaped);
}

/**
 * `harmlessText` of each line. A flood may have a million lines, so the lines of a chunk are checked
 * together.
 */
export function harmlessLines(lines: readonly string[]): readonly string[] {
  if (programName() === 'ktx' && !isUnsafe(lines.join('\n'))) return lines;
  return lines.map(harmlessText);
}

/** Safe text that stays on one line. */
export function harmlessLine(text: string): string {
  return harmlessText(text).replaceAll('\n', '\\u000a');
}

/**
 * The same value with all its strings made safe, including the names of fields. Instances of classes are left
 * as they are.
 */
export function harmlessValue<T>(value: T, textOf = harmlessText): T {
  return walk(value, new WeakMap(), textOf) as T;
}

/**
 * For values that change a little at a time: what was already walked is recognised by identity, and safe
 * values are returned unchanged.
 */
export function createHarmlessView(textOf = harmlessText): <T>(value: T) => T {
  const known = new WeakMap<object, unknown>();
  return (value) => walk(value, known, textOf) as typeof value;
}

type TextOf = (text: string) => string;

function walk(value: unknown, known: WeakMap<object, unknown>, textOf: TextOf): unknown {
  if (typeof value === 'string') return textOf(value);
  if (typeof value !== 'object' || value === null) return value;
  if (known.has(value)) return known.get(value);
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (!isPlain) return value;
  // Set before walking the parts, so that cycles end here.
  known.set(value, value);
  const result = Array.isArray(value)
    ? walkedArray(value, known, textOf)
    : walkedObject(value, known, textOf);
  known.set(value, result);
  return result;
}

function walkedArray(
  value: readonly unknown[],
  known: WeakMap<object, unknown>,
  textOf: TextOf,
): readonly unknown[] {
  if (textOf === harmlessText && value.every((each) => typeof each === 'string')) return harmlessLines(value);
  const walked = value.map((each) => walk(each, known, textOf));
  return walked.every((each, index) => each === value[index]) ? value : walked;
}

function walkedObject(value: object, known: WeakMap<object, unknown>, textOf: TextOf): object {
  const entries = Object.entries(value);
  const walked = entries.map(([name, each]) => [textOf(name), walk(each, known, textOf)] as const);
  const isSame = walked.every(
    ([name, each], index) => name === entries[index]![0] && each === entries[index]![1],
  );
  return isSame ? value : Object.fromEntries(walked);
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}
