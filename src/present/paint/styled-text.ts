import { eachChild, type PaintElement } from './elements.ts';

/** Style of a character: SGR parameters; colour 0 is the default. */
export interface Look {
  colour: number;
  isBold: boolean;
  isDim: boolean;
}

export const PLAIN: Look = { colour: 0, isBold: false, isDim: false };

/**
 * Characters of one column each, with their styles. A wide character is followed by `SECOND_COLUMN`, so that
 * lengths always count columns.
 */
export interface StyledText {
  text: string;
  looks: readonly Look[];
}

/** The second column of a wide character; not written to the terminal. */
export const SECOND_COLUMN = '\u0000';

/** Thrown for characters whose width only Ink knows; the first screen is then left to Ink. */
export class NotSimpleError extends Error {}

/**
 * Characters that are one column wide and never combine; the same set as in the build's substitute for
 * `string-width`, without line breaks.
 */
const SIMPLE =
  /^[\x20-\x7e\xa1-\xac\xae-\xff\u2010-\u2027\u2030-\u203b\u2190-\u2193\u2500-\u259f\u25a0-\u25fc\u2713\u2717\n]*$/;

/**
 * Characters that are two columns wide in every terminal: Japanese and Chinese script and their punctuation.
 */
const WIDE = /[\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff60]/g;

/** SGR parameters by colour name, as in Chalk. */
const COLOURS: Record<string, number> = {
  black: 30,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
  white: 37,
  gray: 90,
  grey: 90,
  blackBright: 90,
  redBright: 91,
  greenBright: 92,
  yellowBright: 93,
  blueBright: 94,
  magentaBright: 95,
  cyanBright: 96,
  whiteBright: 97,
};

/** The style of a `<Text>`: nested ones add to it, and override the colour. */
export function lookOf({ props }: PaintElement, outer: Look = PLAIN): Look {
  const colour = typeof props['color'] === 'string' ? COLOURS[props['color']] : outer.colour;
  if (colour === undefined) throw new NotSimpleError(`unknown colour ${String(props['color'])}`);
  return {
    colour,
    isBold: outer.isBold || props['bold'] === true,
    isDim: outer.isDim || props['dimColor'] === true,
  };
}

/** The text of a `<Text>` with everything nested in it. */
export function styledText(element: PaintElement, outer: Look = PLAIN): StyledText {
  const look = lookOf(element, outer);
  let text = '';
  const looks: Look[] = [];
  eachChild(element.props.children, (child) => {
    if (typeof child === 'string') {
      const cells = SIMPLE.test(child) ? child : cellsOf(child);
      text += cells;
      for (let index = 0; index < cells.length; index++) looks.push(look);
    } else {
      const inner = styledText(child, look);
      text += inner.text;
      for (const each of inner.looks) looks.push(each);
    }
  });
  return { text, looks };
}

function cellsOf(text: string): string {
  if (!SIMPLE.test(text.replaceAll(WIDE, ''))) throw new NotSimpleError(text);
  return text.replaceAll(WIDE, `$&${SECOND_COLUMN}`);
}

function cellsAt(text: string, at: number): number {
  return text[at + 1] === SECOND_COLUMN ? 2 : 1;
}

/** Takes this many columns of a text, or one less if a wide character would be split. */
function wholeCells(text: string, from: number, columns: number): number {
  return text[from + columns] === SECOND_COLUMN ? columns - 1 : columns;
}

export type Wrap = 'wrap' | 'truncate' | 'truncate-middle';

/** The rows of a text wrapped to a width, as in Ink. `outer` is the style of the surrounding `<Text>`. */
export function rowsOf(styled: StyledText, width: number, wrap: Wrap, outer: Look): StyledText[] {
  const lines = linesOf(styled);
  if (lines.every(({ text }) => text.length <= width)) return lines;
  if (wrap === 'wrap') return width <= 0 ? lines : lines.flatMap((line) => wrapped(line, width));
  return lines.map((line) => truncated(line, width, wrap, outer));
}

function slice({ text, looks }: StyledText, from: number, to?: number): StyledText {
  return { text: text.slice(from, to), looks: looks.slice(from, to) };
}

function linesOf(styled: StyledText): StyledText[] {
  const lines: StyledText[] = [];
  let from = 0;
  for (let end = styled.text.indexOf('\n'); end !== -1; end = styled.text.indexOf('\n', from)) {
    lines.push(slice(styled, from, end));
    from = end + 1;
  }
  return [...lines, slice(styled, from)];
}

/** Wraps like Ink: at spaces, which are kept, and within words that are wider than a row. */
function wrapped(line: StyledText, width: number): StyledText[] {
  const rows: StyledText[] = [];
  let from = 0;
  for (const length of rowLengths(line.text, width)) {
    rows.push(slice(line, from, from + length));
    from += length;
  }
  return rows;
}

function rowLengths(text: string, width: number): number[] {
  const lengths = [0];
  const last = (): number => lengths.at(-1)!;
  const add = (count: number): void => {
    lengths[lengths.length - 1] = last() + count;
  };
  text.split(' ').forEach((word, index) => {
    if (index > 0) {
      if (last() >= width) lengths.push(0);
      add(1);
    }
    if (word.length <= width) {
      if (last() > 0 && last() + word.length > width) lengths.push(0);
      add(word.length);
      return;
    }
    const breaksFromHere = 1 + Math.floor((word.length - (width - last()) - 1) / width);
    if (Math.floor((word.length - 1) / width) < breaksFromHere) lengths.push(0);
    for (let from = 0; from < word.length; ) {
      if (last() >= width) lengths.push(0);
      // A wide character does not fit into one column anywhere: it stands over the edge, as with Ink.
      const part =
        width === 1
          ? cellsAt(word, from)
          : wholeCells(word, from, Math.min(word.length - from, width - last()));
      if (part === 0) lengths.push(0);
      add(part);
      from += part;
    }
  });
  return lengths;
}

function truncated(line: StyledText, width: number, wrap: Wrap, outer: Look): StyledText {
  const { text, looks } = line;
  if (width < 1) return { text: '', looks: [] };
  if (text.length <= width) return line;
  if (width === 1) return { text: '…', looks: [outer] };
  if (wrap === 'truncate') {
    const kept = wholeCells(text, 0, width - 1);
    return { text: `${text.slice(0, kept)}…`, looks: [...looks.slice(0, kept), looks[kept - 1]!] };
  }
  const half = Math.min(Math.floor(width / 2), width - 1);
  const start = wholeCells(text, 0, half);
  const cut = text.length - (width - half) + 1;
  const rest = text[cut] === SECOND_COLUMN ? cut + 1 : cut;
  return {
    text: `${text.slice(0, start)}…${text.slice(rest)}`,
    looks: [...looks.slice(0, start), outer, ...looks.slice(rest)],
  };
}
