import { createHash } from 'node:crypto';
import { SetupError } from '../support/errors.ts';
import { otherRemedy } from '../support/remedies.ts';

/** As JSON, a text has to fit into one request: the daemon takes bodies of 16 MiB. */
export const MAX_TEXT_BYTES = 12 * 1024 * 1024;

/** A text to embed, with its id from the file, if any. */
export interface TextItem {
  text: string;
  id?: string | number;
}

export interface Texts {
  items: readonly TextItem[];
  /** Digest of the input: a run is resumed only with the same input. */
  sha256: string;
}

/**
 * Reads the texts of a file: one per line or, with `jsonl`, one JSON value per line, either a string or an
 * object with `text` and optionally `id`. A final line break does not add a text.
 * @throws SetupError naming a line that is blank, not UTF-8 or malformed, without quoting the text.
 */
export function readTexts(bytes: Uint8Array, source: string, format: 'lines' | 'jsonl'): Texts {
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unusable(source, 'is not UTF-8', 'Convert it, for example with: iconv -t UTF-8');
  }
  const lines = content.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw unusable(source, 'has no text', 'Give a file with one text a line');
  const items = lines.map((line, index) => itemOf(line, `${source}, line ${index + 1}`, format));
  return { items, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function itemOf(line: string, place: string, format: 'lines' | 'jsonl'): TextItem {
  const item = format === 'lines' ? { text: line } : jsonItem(line, place);
  if (item.text.trim() === '')
    throw unusable(place, 'is blank', 'Remove the line: vectors are counted by lines');
  if (jsonBytes(item.text) > MAX_TEXT_BYTES)
    throw unusable(
      place,
      `is longer than the ${MAX_TEXT_BYTES / 1024 / 1024} MiB that one text can have`,
      'Split it into paragraphs: of a long text only the beginning counts',
    );
  return item;
}

/** The size of a text in the body of a request. */
export function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}

function jsonItem(line: string, place: string): TextItem {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw unusable(place, 'is not JSON', 'Each line of a .jsonl file is a string or an object with "text"');
  }
  if (typeof value === 'string') return { text: value };
  const { text, id } = (value ?? {}) as { text?: unknown; id?: unknown };
  if (typeof text !== 'string')
    throw unusable(place, 'has no string "text"', 'Each line is a string or an object with "text"');
  return typeof id === 'string' || typeof id === 'number' ? { text, id } : { text };
}

function unusable(place: string, what: string, next: string): SetupError {
  return new SetupError(`${place} ${what}.`, {
    failureClass: 'conflict',
    evidence: [place],
    remedies: [otherRemedy(next)],
  });
}
