import type { LinePart } from '../line-part.ts';
import { mayHoldEncodedLine } from './encoded-line.ts';
import { type Hint, KNOWN_TOKEN, SECRET_SHAPES } from './secret-shapes.ts';
import { SECRET_WORDS } from './secret-words.ts';
import { createWordScanner, type WordScanner } from './word-scanner.ts';

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
  /**
   * Tells which parts of complete lines `redact` would not change: ten times as fast as trying every pattern, which a flood of
   * output is too much for.
   */
  lineParts(lines: Uint8Array): LinePart[];
}

const MASK = '****';
const MIN_SECRET_CHARS = 4;
/** Shorter base64 fragments match by chance. */
const MIN_ENCODED_CHARS = 6;
const BASE64 = '[A-Za-z0-9+/_=-]';

/** The granularity of `lineParts`: one hit costs the careful look at this many bytes. */
const PART_BYTES = 8 * 1024;
/** How much of the start of a known secret is searched for. */
const WORD_CHARS = 8;
const LINE_FEED = 10;
const PRIVATE_KEY = '-----BEGIN';

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
  let scanner: WordScanner | null = null;

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
    scanner = null;
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

  function plainLineCount(lines: Uint8Array): number | null {
    scanner ??= createWordScanner([...SECRET_WORDS, ...scannedWords([...secrets, ...encodedCores])]);
    return mayHoldEncodedLine(lines) ? null : scanner.countPlainLines(lines);
  }

  function lineParts(lines: Uint8Array): LinePart[] {
    const parts: LinePart[] = [];
    for (let start = 0; start < lines.length; ) {
      let end = partEnd(lines, start);
      const count = plainLineCount(lines.subarray(start, end));
      const before = parts.at(-1);
      if (count !== null && before && before.plainLineCount !== null) {
        before.end = end;
        before.plainLineCount += count;
      } else if (count !== null) {
        parts.push({ end, plainLineCount: count });
      } else {
        // A match may continue on the next line, a private key on many.
        const rest = Buffer.from(lines.buffer, lines.byteOffset + start, lines.length - start);
        const isKey = rest.subarray(0, end - start).includes(PRIVATE_KEY);
        end = isKey ? lines.length : lineEnd(lines, end);
        parts.push({ end, plainLineCount: null });
      }
      start = end;
    }
    return parts;
  }

  return { redact, addSecret, lineParts };
}

/** The end of the part that starts at `start`. */
function partEnd(lines: Uint8Array, start: number): number {
  if (lines.length - start <= PART_BYTES) return lines.length;
  const last = lines.lastIndexOf(LINE_FEED, start + PART_BYTES - 1);
  return last >= start ? last + 1 : lineEnd(lines, start);
}

function lineEnd(lines: Uint8Array, from: number): number {
  const index = lines.indexOf(LINE_FEED, from);
  return index === -1 ? lines.length : index + 1;
}

/** Text with anything but printable ASCII is never plain, so those secrets need no word. */
function scannedWords(texts: readonly string[]): string[] {
  return texts
    .map((text) => text.slice(0, WORD_CHARS).toLowerCase())
    .filter((word) => /^[\x20-\x7e]+$/.test(word));
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
