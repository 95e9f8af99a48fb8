import { layOut } from './flex-layout.ts';
import { type Look, PLAIN, SECOND_COLUMN } from './styled-text.ts';

export interface PaintOptions {
  columns: number;
  rows: number;
  /** `false`: no colours and no bold. */
  hasStyles: boolean;
}

/** The rows of a frame as terminal output, without a line break at the end. */
export function paint(tree: unknown, { columns, rows, hasStyles }: PaintOptions): string[] {
  const texts = Array.from({ length: rows }, () => new Array<string>(columns).fill(' '));
  const looks = Array.from({ length: rows }, () => new Array<Look>(columns).fill(PLAIN));
  for (const { text, looks: styles, x, y, clip } of layOut(tree, columns)) {
    if (y < clip.top || y >= clip.bottom || y >= rows) continue;
    for (let index = 0; index < text.length; index++) {
      const column = x + index;
      if (column < clip.left || column >= clip.right || column >= columns) continue;
      texts[y]![column] = text[index]!;
      looks[y]![column] = styles[index] ?? PLAIN;
    }
  }
  return texts.map((row, y) => rowText(row, looks[y]!, hasStyles));
}

function rowText(characters: readonly string[], looks: readonly Look[], hasStyles: boolean): string {
  const end = characters.findLastIndex((character) => character !== ' ') + 1;
  if (!hasStyles) return characters.slice(0, end).join('').replaceAll(SECOND_COLUMN, '');
  let text = '';
  let current = PLAIN;
  for (let column = 0; column < end; column++) {
    const look = looks[column]!;
    if (!isSame(look, current)) text += `\u001b[0${sgr(look)}m`;
    current = look;
    if (characters[column] !== SECOND_COLUMN) text += characters[column];
  }
  return isSame(current, PLAIN) ? text : `${text}\u001b[0m`;
}

function isSame(a: Look, b: Look): boolean {
  return a === b || (a.colour === b.colour && a.isBold === b.isBold && a.isDim === b.isDim);
}

function sgr({ colour, isBold, isDim }: Look): string {
  return `${isBold ? ';1' : ''}${isDim ? ';2' : ''}${colour === 0 ? '' : `;${colour}`}`;
}
