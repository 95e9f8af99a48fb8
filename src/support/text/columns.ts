/** Characters of one column each, which is most text. */
const SIMPLE = /^[\x20-\x7e\xa1-\xac\xae-\xff\u2010-\u2027\u2190-\u2193\u2500-\u25fc\u2713\u2717]*$/;
/** Characters of two columns: East Asian ones and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
/** Combining and invisible characters. */
const NO_COLUMN = /[\p{Mn}\p{Me}\u200b-\u200d\ufeff]/u;

/** Number of terminal columns of a single-line text. */
export function columnsOf(text: string): number {
  if (SIMPLE.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : NO_COLUMN.test(character) ? 0 : 1;
  return columns;
}

/** Pads a text with spaces to a number of columns, as `padEnd` does for characters. */
export function padColumns(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** The longest start of a text that fits into the columns. */
export function startOf(text: string, columns: number): string {
  if (SIMPLE.test(text)) return text.slice(0, columns);
  let start = '';
  let taken = 0;
  for (const character of text) {
    taken += columnsOf(character);
    if (taken > columns) break;
    start += character;
  }
  return start;
}

/**
 * Units that must not be split across lines: opening brackets, an East Asian character or a run of others,
 * then the marks, small kana and closing brackets that must not start a line. Escaped, see the bundle's test:
 * non-ASCII characters slow the start.
 */
const UNIT =
  /[\uff08\u300c\u300e\u3010\u3014\u3008\u300a]*(?:[\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60\uffe0-\uffe6]|[^\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60\uffe0-\uffe6]+)[\u3001\u3002\uff0c\uff0e\u30fb\uff1a\uff1b\uff1f\uff01\uff09\u300d\u300f\u3011\u3015\u3009\u300b\u30fc\u309d\u3005\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5\u30e7\uff05]*/gu;

/**
 * Splits a word where a line may end. A word in Latin script stays whole; Chinese, Japanese and Korean text
 * may break after nearly every character. A part wider than the columns is split.
 */
export function breakable(word: string, columns: number): string[] {
  const units = SIMPLE.test(word) ? [word] : (word.match(UNIT) ?? []);
  return units.flatMap((unit) => (columnsOf(unit) <= columns ? [unit] : broken(unit, columns)));
}

function broken(unit: string, columns: number): string[] {
  const parts: string[] = [];
  for (let rest = unit; rest !== ''; ) {
    const most = startOf(rest, columns) || ([...rest][0] ?? '');
    // A path breaks after a slash, if that leaves no short line.
    const slash = rest === most ? 0 : most.lastIndexOf('/') + 1;
    const part = slash > most.length / 2 ? most.slice(0, slash) : most;
    parts.push(part);
    rest = rest.slice(part.length);
  }
  return parts;
}
