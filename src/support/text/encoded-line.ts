/** `/[A-Za-z0-9+/]/` as a lookup table by character code. */
const IS_BASE64 = Uint8Array.from({ length: 128 }, (_, code) =>
  Number(/[A-Za-z0-9+/]/.test(String.fromCharCode(code))),
);
/** Lines of a PEM file have 64 characters; a shorter one is not part of a key. */
const LEAST_CHARS = 60;
const SPACE = 32;
const TAB = 9;

/**
 * Whether a line begins with base64, as lines of a private key do: `/^[ \t]*[A-Za-z0-9+/]{60}/m`, but faster.
 * The expression tests every character for the start of a line, while most lines can be rejected at their
 * first space.
 */
export function hasEncodedLine(text: string): boolean {
  for (let start = 0; start !== -1; ) {
    let index = start;
    while (text.charCodeAt(index) === SPACE || text.charCodeAt(index) === TAB) index++;
    const end = index + LEAST_CHARS;
    while (index < end && IS_BASE64[text.charCodeAt(index)] === 1) index++;
    if (index === end) return true;
    start = nextLine(text, index);
  }
  return false;
}

/** `^` also matches after a carriage return and the Unicode line ends. */
const LINE_END = /[\n\r\u2028\u2029]/g;

function nextLine(text: string, from: number): number {
  const lineFeed = text.indexOf('\n', from);
  const end = lineFeed === -1 ? text.length : lineFeed;
  // Rare; handled as the expression would.
  const line = text.slice(from, end);
  if (line.includes('\r') || line.includes('\u2028') || line.includes('\u2029')) {
    LINE_END.lastIndex = from;
    return LINE_END.exec(text)!.index + 1;
  }
  return lineFeed === -1 ? -1 : lineFeed + 1;
}

const BLOCK_BYTES = LEAST_CHARS / 2;

/**
 * A quick check on bytes: `false` means that `hasEncodedLine` is false for them. A run of `LEAST_CHARS` base64 characters contains a
 * whole aligned block of half that length, and the last characters of a block usually rule it out.
 */
export function mayHoldEncodedLine(bytes: Uint8Array): boolean {
  for (let end = BLOCK_BYTES; end <= bytes.length; end += BLOCK_BYTES) {
    let index = end - 1;
    while (index >= end - BLOCK_BYTES && IS_BASE64[bytes[index]!] === 1) index--;
    if (index < end - BLOCK_BYTES) return true;
  }
  return false;
}
