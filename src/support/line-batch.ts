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
  return new BatchOfBytes(plainBytes, count, mayHoldNotedWords);
}

/**
 * A class for its getter on the prototype: V8 keeps a getter made for one object, and the bytes that it refers to, until a full
 * collection. A flood then takes tens of megabytes.
 */
class BatchOfBytes implements LineBatch {
  readonly plainBytes: Buffer;
  readonly count: number;
  readonly mayHoldNotedWords: boolean;
  #lines: readonly string[] | null = null;

  constructor(plainBytes: Buffer, count: number, mayHoldNotedWords: boolean) {
    this.plainBytes = plainBytes;
    this.count = count;
    this.mayHoldNotedWords = mayHoldNotedWords;
  }

  get lines(): readonly string[] {
    this.#lines ??= this.plainBytes.toString('latin1', 0, this.plainBytes.length - 1).split('\n');
    return this.#lines;
  }
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
