import { expect, it } from 'vitest';
import { hasEncodedLine, mayHoldEncodedLine } from '../../../src/support/text/encoded-line.ts';

const WANTED = /^[ \t]*[A-Za-z0-9+/]{60}/m;

it.each([
  ['60 at the start', 'a'.repeat(60)],
  ['59', 'a'.repeat(59)],
  ['blanks before it', ` \t${'Z'.repeat(60)}`],
  ['something before it', `x: ${'Z'.repeat(60)}`],
  ['on the last line', `one\ntwo\n${'+/09'.repeat(15)}`],
  ['after a carriage return', `50%\r${'a'.repeat(60)}`],
  ['after a line end of Unicode', `x\u2028${'a'.repeat(60)}\nz`],
  ['letters beyond ASCII', `${'é'.repeat(60)}\n`],
  ['nothing', ''],
])('is the expression, only quicker: %s', (_what, text) => {
  expect(hasEncodedLine(text)).toBe(WANTED.test(text));
});

it('is the expression for texts of all kinds', () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const parts = ['\n', '\r', '\u2028', ' ', '\t', '-', '.', 'a'.repeat(58), 'Q', '9', '/', 'é'];
  for (let run = 0; run < 3000; run++) {
    const text = Array.from({ length: random(12) }, () => parts[random(parts.length)]).join('');
    expect(hasEncodedLine(text), JSON.stringify(text)).toBe(WANTED.test(text));
    if (WANTED.test(text)) expect(mayHoldEncodedLine(Buffer.from(text)), JSON.stringify(text)).toBe(true);
  }
});

it('finds a run in bytes wherever it begins', () => {
  for (let before = 0; before < 70; before++) {
    expect(mayHoldEncodedLine(Buffer.from(`${'. '.repeat(before)}${'a'.repeat(60)} .`))).toBe(true);
    expect(mayHoldEncodedLine(Buffer.from(`${'.'.repeat(before)}${'a'.repeat(29)} .`))).toBe(false);
  }
});
