import { type Hint, KNOWN_TOKEN, SECRET_SHAPES } from './secret-shapes.ts';

/** Masks secrets in text that is shown or logged. */
export interface Redactor {
  /**
   * Takes whole lines, one or many: a secret split between calls is not found. Idempotent; keeps line ends.
   */
  redact(text: string): string;
  /**
   * A value to mask wherever it appears, in any form that URLs, JSON and headers give it. Values shorter than
   * 4 characters are ignored, since masking them would make text unreadable.
   */
  addSecret(secret: string): void;
  /** The forms of the added values that `redact` looks for. Another array after each `addSecret`. */
  secretForms(): readonly string[];
}

const MASK = '****';
const MIN_SECRET_CHARS = 4;
/** Shorter base64 fragments match by chance. */
const MIN_ENCODED_CHARS = 6;
const BASE64 = '[A-Za-z0-9+/_=-]';

const SHAPES = [...SECRET_SHAPES, KNOWN_TOKEN].map(({ hints, pattern }) => ({
  hints,
  pattern,
  // `$<name>` of a group that the pattern lacks is empty, provided that it has another named group.
  replacement: /\(\?<[a-z]/.test(pattern.source) ? `$<before>${MASK}$<after>` : MASK,
}));

/** A redactor for known shapes of secrets and for those added to it. */
export function createRedactor(): Redactor {
  let secrets: string[] = [];
  let encodedCores: string[] = [];
  let forms: readonly string[] = [];

  function addSecret(secret: string): void {
    // A certificate or key has several lines, which arrive separately, as does what a carriage return cuts
    // off.
    const parts = secret
      .toWellFormed()
      .split(/[\r\n]+/)
      .map((line) => line.trim())
      .filter((part) => part.length >= MIN_SECRET_CHARS && !MASK.includes(part));
    // Longest first: masking a secret inside a longer one would leave the rest of that readable.
    secrets = longestFirst([...secrets, ...parts.flatMap(writtenForms)]);
    encodedCores = longestFirst([...encodedCores, ...parts.flatMap(base64Cores)]);
    forms = [...secrets, ...encodedCores];
  }

  function redact(text: string): string {
    let out = text;
    for (const secret of secrets) {
      if (out.includes(secret)) out = out.replaceAll(secret, MASK);
    }
    for (const core of encodedCores) {
      if (out.includes(core))
        out = out.replace(new RegExp(`${BASE64}*${escapeForRegExp(core)}${BASE64}*`, 'g'), MASK);
    }
    // Hints are shared between shapes, so cache them. Masking never removes what a later hint needs.
    const seen = new Map<Hint, boolean>();
    const has = (hint: Hint): boolean => {
      const known = seen.get(hint) ?? hint.test(text);
      seen.set(hint, known);
      return known;
    };
    for (const { hints, pattern, replacement } of SHAPES) {
      if (hints.some(has)) out = out.replace(pattern, replacement);
    }
    return out;
  }

  return { redact, addSecret, secretForms: () => forms };
}

function longestFirst(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort((a, b) => b.length - a.length);
}

/** Verbatim, percent-encoded, form-encoded, as a JSON string, in hexadecimal. */
function writtenForms(secret: string): string[] {
  const percent = encodeURIComponent(secret);
  const every = [...Buffer.from(secret)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const hex = Buffer.from(secret).toString('hex');
  return [
    secret,
    percent,
    percent.replace(/%../g, (coded) => coded.toLowerCase()),
    percent.replaceAll('%20', '+'),
    percent.replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`),
    every,
    every.toUpperCase(),
    JSON.stringify(secret).slice(1, -1),
    ...(hex.length >= MIN_ENCODED_CHARS ? [hex, hex.toUpperCase()] : []),
  ];
}

/**
 * How a secret looks in base64 at each of the three alignments, as inside an encoded `user:secret`, without
 * the characters at both ends that depend on the neighbouring bytes.
 */
function base64Cores(secret: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
    const start = Math.ceil((offset * 8) / 6);
    const end = Math.floor((bytes.length * 8) / 6);
    const core = bytes.toString('base64').slice(start, end);
    if (core.length < MIN_ENCODED_CHARS) return [];
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function escapeForRegExp(text: string): string {
  return text.replace(/[+/]/g, '\\$&');
}
