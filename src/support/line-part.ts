/** A run of complete lines in a buffer. */
export interface LinePart {
  /** Offset of its end. It starts where the previous part ends. */
  end: number;
  /**
   * The number of lines if all are plain: printable ASCII and tabs without any sign of a secret, safe to show and log unchanged.
   * `null` if the part needs masking and sanitising.
   */
  plainLineCount: number | null;
}
