/** Kinds of values that languages write differently. The name of a placeholder determines its kind. */
export type ValueKind = 'number' | 'size' | 'time' | 'phrase' | 'as-is';

/** `{n}` and `{nFiles}` are numbers, `{size}` and `{sizeFree}` sizes, `{time}` and `{timeLeft}` times. */
const KIND_OF_NAME: readonly [RegExp, ValueKind][] = [
  [/[?!]$/, 'phrase'],
  [/^n(?:[A-Z]|$)/, 'number'],
  [/^size(?:[A-Z]|$)/, 'size'],
  [/^time(?:[A-Z]|$)/, 'time'],
];

export function kindOf(name: string): ValueKind {
  return KIND_OF_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? 'as-is';
}

/** Their English forms, as written by `formatBytes`, `formatDuration` and `formatCount`. */
export const SHAPES: Record<ValueKind, string> = {
  number: String.raw`\d[\d,]*`,
  size: String.raw`(?:\d+(?:\.\d)? (?:B|[kMGT]B)|size unknown)`,
  time: String.raw`(?:\d+(?:\.\d)? s|\d+ min(?: \d+ s)?|\d+ h \d+ min)`,
  phrase: String.raw`[^\n]+?`,
  'as-is': String.raw`[^\n]+?`,
};

/** How a language writes numbers and times. */
export interface Formats {
  number(value: number): string;
  /** `{value} s`, `{value} min`, `{value} h`, by unit. */
  unit: Record<'s' | 'min' | 'h', string>;
}

export function formatsOf(locale: string, unit: Formats['unit']): Formats {
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const tenths = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return { number: (value) => (Number.isInteger(value) ? format : tenths).format(value), unit };
}

/** Converts an English number, size or time to the language's form; returns anything else unchanged. */
export function localValue(value: string, kind: ValueKind, formats: Formats): string {
  if (kind === 'phrase' || kind === 'as-is' || !new RegExp(`^${SHAPES[kind]}$`).test(value)) return value;
  const local = value.replaceAll(/\d[\d,]*(?:\.\d)?/g, (digits) => {
    const number = Number(digits.replaceAll(',', ''));
    const text = formats.number(number);
    return digits.endsWith('.0') && Number.isInteger(number) ? zeroTenths(number, formats) : text;
  });
  if (kind !== 'time') return local;
  return local.replaceAll(/(\S+) (s|min|h)(?= |$)/g, (_, number: string, unit: 's' | 'min' | 'h') =>
    formats.unit[unit].replace('{}', number),
  );
}

/** `2.0 s` keeps its tenth, so that columns of times stay aligned. */
function zeroTenths(number: number, formats: Formats): string {
  return formats.number(number + 0.1).replace(/1$/, '0');
}
