import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLinePartFinder } from '../../../src/support/text/line-parts.ts';
import { createRedactor } from '../../../src/support/text/redaction.ts';
import { KNOWN_TOKEN, SECRET_SHAPES } from '../../../src/support/text/secret-shapes.ts';

const isPlain = (text: string, redactor = createRedactor()): boolean =>
  createLinePartFinder(redactor)(Buffer.from(text)).every(({ plainLineCount }) => plainLineCount !== null);

/** The alternatives of an expression, without the groups that look around, which fast-check cannot write. */
function writable(source: string): string[] {
  let text = '';
  for (let index = 0; index < source.length; index++) {
    if (/^\(\?(?:[=!]|<[=!])/.test(source.slice(index, index + 4))) index = closing(source, index);
    else text += source[index];
  }
  const plain = text
    .replaceAll(/\(\?(?:<\w+>|-i:)/g, '(?:')
    .replaceAll('\\k<quote>', '"')
    .replaceAll('(?:)', '')
    .replaceAll('\\b', '');
  return alternatives(plain);
}

function closing(source: string, from: number): number {
  let depth = 0;
  let isInClass = false;
  for (let index = from; index < source.length; index++) {
    const character = source[index];
    if (character === '\\') index++;
    else if (isInClass) isInClass = character !== ']';
    else if (character === '[') isInClass = true;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return index;
  }
  throw new Error(`No end: ${source.slice(from)}`);
}

function alternatives(source: string): string[] {
  const [first = ''] = /^\(\?:/.exec(source) ?? [];
  if (!first) return [source];
  const end = closing(source, 0);
  const inner: string[] = [];
  let start = first.length;
  for (let index = start; index < end; index++) {
    if (source[index] === '\\') index++;
    else if (source[index] === '(') index = closing(source, index);
    else if (source[index] === '[') index = source.indexOf(']', index);
    else if (source[index] === '|') {
      inner.push(source.slice(start, index));
      start = index + 1;
    }
  }
  return [...inner, source.slice(start, end)].map(
    (each) => `${each}${source.slice(end + 1).replace(/^\|.*/, '')}`,
  );
}

describe('a text in which a pattern finds something is never called plain', () => {
  const sources = [...SECRET_SHAPES, KNOWN_TOKEN].flatMap(({ pattern }) =>
    writable(pattern.source).map((source) => [source, pattern] as const),
  );
  it.each(sources)('%s', (source, pattern) => {
    let found = 0;
    const text = fc.tuple(
      fc.constantFrom('', 'see ', 'x=', '"'),
      fc.stringMatching(new RegExp(`^(?:${source})$`), { size: 'large' }),
      fc.constantFrom((it: string) => it, ...(pattern.flags.includes('i') ? [upper] : [])),
    );
    fc.assert(
      fc.property(text, ([before, secret, cased]) => {
        const line = `${before}${cased(secret)}`;
        if (!new RegExp(pattern.source, pattern.flags).test(line)) return;
        found++;
        expect(isPlain(`${line}\n`), line).toBe(false);
      }),
      { numRuns: 60 },
    );
    expect(found, 'generated texts that the pattern finds').toBeGreaterThan(0);
  });
});

const upper = (text: string): string => text.toUpperCase();

it('a secret that was told is never called plain, in any form', () => {
  const secret = fc.string({ minLength: 4, maxLength: 30, unit: 'grapheme' });
  const forms = [
    (it: string) => it,
    encodeURIComponent,
    (it: string) => Buffer.from(it).toString('hex'),
    (it: string) => Buffer.from(`me:${it}`).toString('base64'),
    (it: string) => JSON.stringify(it),
  ];
  fc.assert(
    fc.property(secret, fc.constantFrom(...forms), (value, form) => {
      fc.pre(value.isWellFormed());
      const redactor = createRedactor();
      redactor.addSecret(value);
      const line = `got ${form(value)} here`;
      fc.pre(redactor.redact(line) !== line);
      expect(isPlain(`${line}\n`, redactor), line).toBe(false);
    }),
    { numRuns: 500 },
  );
});

it('a secret that is told later is looked for from then on', () => {
  const redactor = createRedactor();
  expect(isPlain('a plain-word here\n', redactor)).toBe(true);
  redactor.addSecret('plain-word');
  expect(isPlain('a plain-word here\n', redactor)).toBe(false);
});

it.each(['\x1b[31m', '\x07', '\r', '\x7f', 'é', '\u202e', '\x9b'])('%j is not plain', (text) => {
  expect(isPlain(`a ${text} b\n`)).toBe(false);
});

it('most of what ktx, uv, pip and npm print is plain', () => {
  const folder = join(import.meta.dirname, '../../fixtures/logs');
  const lineParts = createLinePartFinder(createRedactor());
  let plain = 0;
  let all = 0;
  for (const name of readdirSync(folder)) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      all++;
      if (lineParts(Buffer.from(`${line}\n`))[0]!.plainLineCount === 1) plain++;
    }
  }
  console.log(`${plain} of ${all} lines are plain`);
  expect(plain / all).toBeGreaterThan(0.5);
});
