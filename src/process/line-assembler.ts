import { isAscii } from 'node:buffer';
import type { LinePart } from '../support/line-batch.ts';
import { batchOfBytes, batchOfLines, type LineBatch } from '../support/line-batch.ts';

/** A line longer than this, in UTF-16 code units, is broken into pieces. */
export const MAX_LINE_CHARS = 64 * 1024;
/** Ends every piece of a broken line except the last, to tell it from separate lines. */
export const BROKEN_LINE_NOTE = ' […line goes on]';
/** How much context masking gets on both sides of a break. A longer secret may survive a break. */
const HOLD_BACK_CHARS = 8 * 1024;
const LINE_FEED = 10;
/** Less is not worth a separate scan. */
const LEAST_PLAIN_BYTES = 1024;

export interface LineAssembler {
  /** The lines that this chunk completes, without line ends. */
  push(chunk: Uint8Array): string[];
  /** The same lines in batches; those that `lineParts` calls plain are not looked at. Keeps the chunk's bytes. */
  pushBatches(chunk: Buffer): LineBatch[];
  /** The rest when the stream ends: the last, unterminated line, if any. */
  end(): string[];
}

/**
 * Splits a byte stream into lines. UTF-8 is decoded across chunks; invalid bytes become U+FFFD. Lines end
 * with LF or CRLF. As on a terminal, a lone CR restarts the line (progress bars), and the text before it is
 * dropped. `mask` gets whole lines, many at a time, so that a secret split between chunks is seen whole; it
 * must keep line ends. `lineParts` tells which of whole lines `mask` would not change.
 */
export function createLineAssembler(
  mask: (text: string) => string = (text) => text,
  lineParts?: (lines: Uint8Array) => readonly LinePart[],
): LineAssembler {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let hasPendingBytes = false;
  let carry = '';

  function decode(chunk: Uint8Array): string {
    // The streaming decoder is several times slower than a copy, and most output is ASCII.
    if (!hasPendingBytes && isAscii(chunk)) {
      return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    }
    hasPendingBytes = (chunk.at(-1) ?? 0) >= 0x80;
    return decoder.decode(chunk, { stream: true });
  }

  function breakCarry(): string[] {
    const pieces: string[] = [];
    while (carry.length > MAX_LINE_CHARS + HOLD_BACK_CHARS) {
      carry = mask(carry);
      const end = breakPoint(carry);
      pieces.push(carry.slice(0, end) + BROKEN_LINE_NOTE);
      carry = carry.slice(end);
    }
    return pieces;
  }

  function push(chunk: Uint8Array): string[] {
    const text = decode(chunk);
    const lastEnd = text.lastIndexOf('\n');
    let lines: string[] = [];
    if (lastEnd < 0) {
      carry += text;
    } else {
      lines = splitLines(mask(carry + text.slice(0, lastEnd)));
      carry = text.slice(lastEnd + 1);
    }
    if (text.includes('\r')) dropReplaced();
    if (carry.length > MAX_LINE_CHARS + HOLD_BACK_CHARS) lines.push(...breakCarry());
    return lines;
  }

  function pushBatches(chunk: Buffer): LineBatch[] {
    const isBetweenLines = carry === '' && !hasPendingBytes;
    const start = isBetweenLines ? 0 : chunk.indexOf(LINE_FEED) + 1;
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (!lineParts || end - start < LEAST_PLAIN_BYTES) return batches(push(chunk));
    // The end of a line from earlier chunks, complete lines, and the start of the next.
    return [
      ...(start === 0 ? [] : batches(push(chunk.subarray(0, start)))),
      ...wholeLines(chunk.subarray(start, end), lineParts),
      ...(end === chunk.length ? [] : batches(push(chunk.subarray(end)))),
    ];
  }

  function wholeLines(
    bytes: Buffer,
    partsOf: (lines: Uint8Array) => readonly LinePart[],
  ): readonly LineBatch[] {
    let start = 0;
    return partsOf(bytes).flatMap(({ end, plainLineCount, mayHoldNotedWords }) => {
      const part = bytes.subarray(start, end);
      start = end;
      const isPlain = plainLineCount !== null && !hasLongLine(part);
      return isPlain ? [batchOfBytes(part, plainLineCount, mayHoldNotedWords)] : batches(push(part));
    });
  }

  /** A progress bar may never end its line; keep only its latest state. */
  function dropReplaced(): void {
    carry = carry.slice(carry.lastIndexOf('\r', carry.length - 2) + 1);
  }

  function end(): string[] {
    carry += decoder.decode();
    const rest = carry;
    carry = '';
    return rest === '' ? [] : splitLines(mask(rest));
  }

  return { push, pushBatches, end };
}

function batches(lines: readonly string[]): LineBatch[] {
  return lines.length === 0 ? [] : [batchOfLines(lines)];
}

function hasLongLine(bytes: Buffer): boolean {
  for (let start = 0; bytes.length - start > MAX_LINE_CHARS; ) {
    const end = bytes.indexOf(LINE_FEED, start);
    if (end === -1 || end - start > MAX_LINE_CHARS) return true;
    start = end + 1;
  }
  return false;
}

function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (text.includes('\r')) {
    for (let index = 0; index < lines.length; index++) lines[index] = visiblePart(lines[index]!);
  }
  if (text.length > MAX_LINE_CHARS) return lines.flatMap(breakLine);
  return lines;
}

/** What a terminal would show of a line with carriage returns. */
function visiblePart(line: string): string {
  let end = line.length;
  while (end > 0 && line.charCodeAt(end - 1) === 13) end--;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

function breakLine(line: string): string | string[] {
  if (line.length <= MAX_LINE_CHARS) return line;
  const pieces: string[] = [];
  let rest = line;
  while (rest.length > MAX_LINE_CHARS) {
    const end = breakPoint(rest);
    pieces.push(rest.slice(0, end) + BROKEN_LINE_NOTE);
    rest = rest.slice(end);
  }
  pieces.push(rest);
  return pieces;
}

/** `MAX_LINE_CHARS`, or one less to keep a surrogate pair together. */
function breakPoint(line: string): number {
  const before = line.charCodeAt(MAX_LINE_CHARS - 1);
  return before >= 0xd800 && before <= 0xdbff ? MAX_LINE_CHARS - 1 : MAX_LINE_CHARS;
}
