import { Box, renderToString, Text } from 'ink';
import { createElement } from 'react';
import { describe, expect, it } from 'vitest';
import { jsx } from '../../../src/present/paint/elements.ts';
import {
  type Look,
  lookOf,
  NotSimpleError,
  PLAIN,
  rowsOf,
  SECOND_COLUMN,
  styledText,
  type Wrap,
} from '../../../src/present/paint/styled-text.ts';

const WRAPS: Wrap[] = ['wrap', 'truncate', 'truncate-middle'];
const WIDTHS = Array.from({ length: 14 }, (_, index) => index + 1);
const TEXTS = [
  'a',
  'two words',
  'one long-word-that-is-wider than most rows',
  'aaa bb cccc d eeeeeeeee fffffffffffffffffffff g',
  'word  two spaces   three    four',
  ' starts and ends with a space ',
  'ends in a wide word xxxxxxxxxxxxxxxxxxxxxxxxxx',
  'xxxxxxxxxxxxxx yyyyyyyyyyyyyy zzz',
  'x yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy',
  'lines\nof\ndifferent length, the last of which is long',
  '\nempty lines\n\nbetween\n',
  '日本語のテキスト',
  'a 日本語 b と c',
  'ab日本語テキストcd',
  'a日b本c語d',
];

const styled = (text: string, props: object = {}) => styledText(jsx('text', { ...props, children: text }));

const SEPARATOR = '─'.repeat(20);

/** What Ink draws in boxes of these widths, without the spaces at the ends of rows. */
function inkTexts(text: string, wrap: Wrap): string[] {
  const boxes = WIDTHS.flatMap((width) => [
    createElement(Text, { key: -width }, SEPARATOR),
    createElement(Box, { width, key: width }, createElement(Text, { wrap }, text)),
  ]);
  const drawn = renderToString(createElement(Box, { flexDirection: 'column' }, ...boxes), { columns: 80 });
  return drawn.split(`${SEPARATOR}\n`).slice(1).map(withoutEnds);
}

/** Without the spaces at the ends of rows, and without empty rows at the end. */
const withoutEnds = (text: string) => text.replaceAll(/ +$/gm, '').trimEnd();

describe('a text of some width has the rows that Ink draws', () => {
  it.each(TEXTS.flatMap((text) => WRAPS.map((wrap) => [text, wrap] as const)))('%j, %s', (text, wrap) => {
    const inks = inkTexts(text, wrap);
    for (const [index, width] of WIDTHS.entries()) {
      const rows = rowsOf(styled(text), width, wrap, PLAIN);
      const ours = rows.map((row) => row.text.replaceAll(SECOND_COLUMN, '')).join('\n');
      expect(withoutEnds(ours), `${width}`).toBe(inks[index]);
      for (const row of rows) {
        expect(row.looks).toHaveLength(row.text.length);
        if (width > 1) expect(row.text.length).toBeLessThanOrEqual(width);
      }
    }
  });

  it('and keeps every character where it is wrapped', () => {
    for (const text of TEXTS)
      for (const width of WIDTHS)
        expect(
          rowsOf(styled(text), width, 'wrap', PLAIN)
            .map((row) => row.text)
            .join(''),
        ).toBe(styled(text).text.replaceAll('\n', ''));
  });

  it.each(WRAPS)('or none: %s', (wrap) => {
    const rows = rowsOf(styled('two words'), 0, wrap, PLAIN).map((row) => row.text);
    expect(rows).toEqual([wrap === 'wrap' ? 'two words' : '']);
  });
});

describe('the look of what is cut', () => {
  const outer: Look = { colour: 90, isBold: false, isDim: true };
  const cut = (width: number, wrap: Wrap) => {
    const element = jsx('text', {
      children: [
        jsx('text', { color: 'red', children: 'abc' }),
        jsx('text', { bold: true, children: 'defg' }),
      ],
    });
    const [row] = rowsOf(styledText(element), width, wrap, outer);
    const letter = (look: Look) =>
      look === outer ? 'o' : look.colour === 31 ? 'r' : look.isBold ? 'b' : 'p';
    return [row!.text, row!.looks.map(letter).join('')];
  };
  it.each([
    [7, 'truncate', 'abcdefg', 'rrrbbbb'],
    [6, 'truncate', 'abcde…', 'rrrbbb'],
    [4, 'truncate', 'abc…', 'rrrr'],
    [1, 'truncate', '…', 'o'],
    [6, 'truncate-middle', 'abc…fg', 'rrrobb'],
    [5, 'truncate-middle', 'ab…fg', 'rrobb'],
    [2, 'truncate-middle', 'a…', 'ro'],
  ] as const)('%i columns, %s', (width, wrap, text, looks) => {
    expect(cut(width, wrap)).toEqual([text, looks]);
  });
});

describe('a look', () => {
  it.each([
    [{}, { colour: 0, isBold: false, isDim: false }],
    [{ bold: true }, { colour: 0, isBold: true, isDim: false }],
    [{ dimColor: true }, { colour: 0, isBold: false, isDim: true }],
    [
      { color: 'green', bold: false },
      { colour: 32, isBold: false, isDim: false },
    ],
  ])('%j', (props, look) => {
    expect(lookOf(jsx('text', props))).toEqual(look);
  });

  it('adds to the one around it, and overrides its colour', () => {
    const outer = { colour: 31, isBold: true, isDim: true };
    expect(lookOf(jsx('text', {}), outer)).toEqual(outer);
    expect(lookOf(jsx('text', { color: 'cyanBright' }), outer)).toEqual({ ...outer, colour: 96 });
  });

  it('of a colour that is none is left to Ink, as is a character of unknown width', () => {
    expect(() => lookOf(jsx('text', { color: 'puce' }))).toThrow(NotSimpleError);
    expect(() => styled('한국어')).toThrow(NotSimpleError);
  });
});
