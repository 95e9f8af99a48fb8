/**
 * Lines printed by a child, in order. Most lines of a flood are never read one by one, so plain ones stay the bytes that arrived
 * until `lines` is first read.
 */
export interface LineBatch {
  readonly count: number;
  /** Without line ends. */
  readonly lines: readonly string[];
  /** The same with line ends if all are printable ASCII with nothing to mask, otherwise `null`. */
  readonly plainBytes: Buffer | null;
  /** `false`: none of the words that the reader has asked to note is in it, see `createLinePartFinder`. */
  readonly mayHoldNotedWords: boolean;
}

export function batchOfLines(lines: readonly string[]): LineBatch {
  return { count: lines.length, lines, plainBytes: null, mayHoldNotedWords: true };
}

/** @param plainBytes complete lines with their ends. Must not be modified afterwards. */
export function batchOfBytes(plainBytes: Buffer, count: number, mayHoldNotedWords = true): LineBatch {
  let lines: readonly string[] | null = null;
  return {
    count,
    plainBytes,
    mayHoldNotedWords,
    get lines() {
      lines ??= plainBytes.toString('latin1', 0, plainBytes.length - 1).split('\n');
      return lines;
    },
  };
}

/** A run of complete lines in a buffer. */
export interface LinePart {
  /** Offset of its end. It starts where the previous part ends. */
  end: number;
  /**
   * The number of lines if all are plain: printable ASCII and tabs without any sign of a secret, safe to show and log unchanged.
   * `null` if the part needs masking and sanitising.
   */
  plainLineCount: number | null;
  /** See `LineBatch`. */
  mayHoldNotedWords: boolean;
}
