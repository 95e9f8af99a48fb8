// The cells of a line for the bundle's Ink: simple text, coloured or not, is split here, with the same object for
// the same character in the same style. The library makes several objects per character and does so up to three
// times a frame; while a child floods the screen, that is half of what a frame costs.
import { styledCharsFromTokens, tokenize } from '@alcalzone/ansi-tokenize';
import { SIMPLE_CHARACTERS } from './simple-text.mjs';

const SIMPLE_LINES = new RegExp(`^(?:[${SIMPLE_CHARACTERS}\\n]|\\x1b\\[[\\d;]*m)*$`);
const PLAIN_LINES = new RegExp(`^[${SIMPLE_CHARACTERS}\\n]*$`);
const ESCAPE = 0x1b;
/** Colour changes nested deeper than this are left to the library: the table of styles must not grow without end. */
const MAX_STYLES = 64;

const PLAIN = { before: '', styles: [], cells: new Map() };
/** What follows a run of colour changes, by the changes since the last plain character. */
const known = new Map([['', PLAIN]]);

/** An empty cell of a frame, never modified. */
export const BLANK_CELL = { type: 'char', value: ' ', fullWidth: false, styles: [] };

/** @returns the same cells as the library, or `undefined` if only the library can tell. They must not be modified. */
export function simpleCells(text) {
  if (!SIMPLE_LINES.test(text)) return undefined;
  const cells = [];
  let style = PLAIN;
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) === ESCAPE) {
      const end = text.indexOf('m', index);
      style = styleAfter(style, text.slice(index, end + 1));
      if (style === undefined) return undefined;
      index = end;
    } else {
      cells.push(cellOf(style, text[index]));
    }
  }
  return cells;
}

/** @returns the lines of a text without colours, or `undefined` if only the library can tell. */
export function simpleLines(text) {
  return PLAIN_LINES.test(text) ? text.split('\n') : undefined;
}

function styleAfter({ before }, change) {
  const changes = before + change;
  const found = known.get(changes);
  if (found !== undefined || known.size >= MAX_STYLES) return found;
  const { styles } = styledCharsFromTokens(tokenize(`${changes}x`)).at(-1);
  const style = styles.length === 0 ? PLAIN : { before: changes, styles, cells: new Map() };
  known.set(changes, style);
  return style;
}

function cellOf({ styles, cells }, value) {
  let cell = cells.get(value);
  if (cell === undefined) {
    cell = { type: 'char', value, fullWidth: false, styles };
    cells.set(value, cell);
  }
  return cell;
}
