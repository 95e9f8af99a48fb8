import { afterEach, describe, expect, it, vi } from 'vitest';
import { remedy, remedyText } from '../../../src/support/remedy.ts';
import { breakable, columnsOf, padColumns, startOf } from '../../../src/support/text/columns.ts';
import { hasControlCharacter, quoted } from '../../../src/support/text/control-characters.ts';
import {
  formatBytes,
  formatBytesOrUnknown,
  formatCount,
  formatDuration,
  tildePath,
} from '../../../src/support/text/format.ts';
import { localMinute } from '../../../src/support/text/local-time.ts';
import { similarNames } from '../../../src/support/text/similar-names.ts';
import { wrapStep, wrapWords } from '../../../src/support/text/wrap-words.ts';

afterEach(() => vi.unstubAllEnvs());

it.each([
  [0, '0 B'],
  [512.4, '512 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [9949, '9.9 kB'],
  [9950, '10 kB'],
  [99_500, '100 kB'],
  [999_499, '999 kB'],
  [999_500, '1.0 MB'],
  [8_400_000, '8.4 MB'],
  [27_000_000, '27 MB'],
  [999_500_000, '1.0 GB'],
  [1.5e12, '1.5 TB'],
  [2.5e15, '2500 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
  expect(formatBytesOrUnknown(bytes)).toBe(text);
});

it('an unknown size is not zero', () => {
  expect(formatBytesOrUnknown(null)).toBe('size unknown');
  expect(formatBytesOrUnknown(0)).toBe('0 B');
});

it.each([
  [0, '0.0 s'],
  [340, '0.3 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [24_000, '24 s'],
  [59_499, '59 s'],
  [59_500, '1 min'],
  [60_000, '1 min'],
  [65_000, '1 min 5 s'],
  [119_400, '1 min 59 s'],
  [119_600, '2 min'],
  [3_599_000, '59 min 59 s'],
  [3_600_000, '1 h 0 min'],
  [7_500_000, '2 h 5 min'],
])('%d ms are %s', (durationMs, text) => expect(formatDuration(durationMs)).toBe(text));

it.each([
  [0, '0 packages'],
  [1, '1 package'],
  [2, '2 packages'],
  [999, '999 packages'],
  [1000, '1,000 packages'],
  [1_234_567, '1,234,567 packages'],
])('%d are %s', (count, text) => expect(formatCount(count, 'package')).toBe(text));

it('a plural of its own', () => {
  expect(formatCount(1, 'library', 'libraries')).toBe('1 library');
  expect(formatCount(2, 'library', 'libraries')).toBe('2 libraries');
});

it.each([
  ['/home/ann', '/home/ann', '~'],
  ['/home/ann/x', '/home/ann', '~/x'],
  ['/home/anna/x', '/home/ann', '/home/anna/x'],
  ['/srv', '/home/ann', '/srv'],
  ['C:\\Users\\ann\\x', 'C:\\Users\\ann', '~\\x'],
  ['/', '/', '/'],
  ['/x', '/', '/x'],
  ['/x', '', '/x'],
  ['', '', ''],
])('%s with the home %s is shown as %s', (path, home, text) => expect(tildePath(path, home)).toBe(text));

describe('a time', () => {
  const at = new Date(2026, 0, 5, 3, 7);

  it('has its minute, in local time', () => {
    expect(localMinute(at.toISOString())).toBe('2026-01-05 03:07');
    expect(localMinute(new Date(2026, 10, 20, 12, 44).toISOString())).toBe('2026-11-20 12:44');
    expect(localMinute('never')).toBe('');
    expect(localMinute('')).toBe('');
  });
});

describe('columns', () => {
  it.each([
    ['', 0],
    ['plain', 5],
    ['schön', 5],
    ['─│✓', 3],
    ['日本', 4],
    ['ｆ', 2],
    ['😀x', 3],
    ['e\u0301', 1],
    ['a\u200bb', 2],
    ['ก', 1],
  ])('%s has %i', (text, columns) => {
    expect(columnsOf(text)).toBe(columns);
    expect(padColumns(text, 7)).toBe(text + ' '.repeat(7 - columns));
    expect(padColumns(text, columns)).toBe(text);
    expect(padColumns(text, Math.max(0, columns - 1))).toBe(text);
  });

  it.each([
    ['plain', 3, 'pla'],
    ['plain', 9, 'plain'],
    ['日本語', 4, '日本'],
    ['日本語', 5, '日本'],
    ['日本語', 1, ''],
    ['e\u0301x', 1, 'e\u0301'],
    ['日', 2, '日'],
  ])('the start of %s for %i is %s', (text, columns, start) => expect(startOf(text, columns)).toBe(start));

  it.each<[string, number, string[]]>([
    ['word', 4, ['word']],
    ['word', 3, ['wor', 'd']],
    ['', 8, ['']],
    ['日本語', 8, ['日', '本', '語']],
    ['日本。「語」', 8, ['日', '本。', '「語」']],
    ['ktxを使う', 8, ['ktx', 'を', '使', 'う']],
    ['日', 1, ['日']],
    ['/one/two/three', 10, ['/one/two/', 'three']],
    ['/o/twothreefour', 10, ['/o/twothre', 'efour']],
    ['/abcd/efghijk', 10, ['/abcd/', 'efghijk']],
    ['/abc/efghijkl', 10, ['/abc/efghi', 'jkl']],
    ['/one/two/', 9, ['/one/two/']],
  ])('%s may be broken for %i', (word, columns, parts) => expect(breakable(word, columns)).toEqual(parts));
});

describe('wrapped text', () => {
  it.each<[string, number, string[]]>([
    ['', 20, []],
    ['one', 20, ['one']],
    ['one two three', 20, ['one two three']],
    ['one two three', 13, ['one two three']],
    ['one two three', 12, ['one two', 'three']],
    ['one  two', 20, ['one two']],
    [' one', 20, ['one']],
    ['a bb cc dd e', 8, ['a bb cc', 'dd e']],
    ['a bb ccc', 8, ['a bb ccc']],
    ['a bb cccc', 8, ['a bb', 'cccc']],
    ['see /one/two/three/four', 10, ['see', '/one/two/', 'three/four']],
    ['ab cdefghij', 4, ['ab', 'cdefghij']],
    ['これは 長い', 8, ['これは', '長い']],
    ['これは長いです', 8, ['これは長', 'いです']],
  ])('%j in %i columns', (text, width, lines) => expect(wrapWords(text, width)).toEqual(lines));

  it('keeps the command of a step whole', () => {
    const other = remedy('other', 'Wait for it');
    const step = remedy('retry', 'Run the setup once more', { argv: ['ktx', 'setup', '--feature', 'core'] });
    const text = remedyText(step);
    expect(wrapStep(text, [other, step], text.length)).toEqual([text]);
    expect(wrapStep(text, [other, step], text.length - 1)).toEqual([
      'Run the setup once more:',
      '  ktx setup --feature core',
    ]);
    expect(wrapStep(text, [other, step], 12)).toEqual([
      'Run the',
      'setup once',
      'more:',
      '  ktx setup --feature core',
    ]);
    expect(wrapStep('Wait for it.', [other, step], 8)).toEqual(['Wait for', 'it.']);
    expect(wrapStep('Nobody offers it.', [other, step], 10)).toEqual(['Nobody', 'offers it.']);
  });
});

it.each([
  ['plain', false, '"plain"'],
  ['a\tb', true, '"a\\u0009b"'],
  ['a\nb', true, '"a\\u000ab"'],
  ['a\u0000', true, '"a\\u0000"'],
  ['é', false, '"é"'],
])('%j has a control character: %s', (text, expected, shown) => {
  expect(hasControlCharacter(text)).toBe(expected);
  expect(quoted(text)).toBe(shown);
});

describe('a typo', () => {
  const names = ['index', 'index-url', 'extra-index', 'no-proxy', 'https_proxy', 'ca-file'];
  it.each<[string, string[]]>([
    ['indx', ['index']],
    ['idnex', ['index']],
    ['indexx', ['index']],
    ['endex', ['index']],
    ['ca-fle', ['ca-file']],
    ['cafile', ['ca-file']],
    ['acfile', ['ca-file']],
    ['ca_file', ['ca-file']],
    ['no-porxy', ['no-proxy']],
    ['proxy', ['no-proxy', 'https_proxy']],
    ['HTTPS-PROXY', ['https_proxy']],
    ['my-ca-file', ['ca-file']],
    ['url', ['index-url']],
    ['i', []],
    ['', []],
    ['something', []],
  ])('%s may mean %j', (typed, expected) => expect(similarNames(typed, names)).toEqual(expected));

  it('of less than half of the letters', () => {
    expect(similarNames('abc', ['abd'])).toEqual(['abd']);
    expect(similarNames('ab', ['ac'])).toEqual([]);
    expect(similarNames('abcd', ['abxy'])).toEqual([]);
    expect(similarNames('abcde', ['abcxy'])).toEqual(['abcxy']);
    expect(similarNames('abcdefg', ['abcdxyz'])).toEqual([]);
    expect(similarNames('abcd', ['badc'])).toEqual([]);
    expect(similarNames('abcdef', ['badcef'])).toEqual(['badcef']);
    expect(similarNames('abcde', ['xbcde', 'abcdy', 'abcxy'])).toEqual(['xbcde', 'abcdy']);
    expect(similarNames('x', [])).toEqual([]);
  });
});
