import { afterEach, describe, expect, it } from 'vitest';
import {
  createHarmlessView,
  harmlessLine,
  harmlessLines,
  harmlessText,
  harmlessValue,
} from '../../src/support/harmless.ts';
import { setProgramName } from '../../src/support/program-name.ts';

afterEach(() => setProgramName('ktx'));

it.each<[string, string]>([
  ['plain\ttext\nof two lines', 'plain\ttext\nof two lines'],
  ['bell\u0007', 'bell\\u0007'],
  ['escape\u001b[31m', 'escape\\u001b[31m'],
  ['delete\u007f and C1 \u009b', 'delete\\u007f and C1 \\u009b'],
  ['line\r\nends\r', 'line\r\nends\r'.replace('\r\n', '\n').replace('\r', '\\u000d')],
  ['right\u202eleft, \u200e\u200f\u061c', 'right\\u202eleft, \\u200e\\u200f\\u061c'],
  ['separators \u2028\u2029', 'separators \\u2028\\u2029'],
  ['isolates \u2066\u2069', 'isolates \\u2066\\u2069'],
  ['annotations \ufff9\ufffb', 'annotations \\ufff9\\ufffb'],
  ['tags \u{e0041}', 'tags \\udb40\\udc41'],
  ['half \ud800', 'half \\ud800'],
  ['schön 日本語 😀', 'schön 日本語 😀'],
])('%j is shown as %j', (text, expected) => {
  expect(harmlessText(text)).toBe(expected);
  expect(harmlessLines(['plain', text])).toEqual(['plain', expected]);
  expect(harmlessLine(text)).toBe(expected.replaceAll('\n', '\\u000a'));
  expect(harmlessValue({ [text]: [text, 1, null] })).toEqual({ [expected]: [expected, 1, null] });
});

describe('lines', () => {
  it('that are safe are the same array', () => {
    const lines = ['one', 'two\t', 'schön'];
    expect(harmlessLines(lines)).toBe(lines);
  });

  it('have the name of this program', () => {
    setProgramName('acme');
    expect(harmlessLines(['ktx setup'])).toEqual(['acme setup']);
    expect(harmlessValue(['ktx setup'])).toEqual(['acme setup']);
  });
});

describe('values', () => {
  class Own {
    text = 'bell\u0007';
  }

  it('that are safe are the same, at every depth', () => {
    const value = { a: [1, 'x', null, undefined, true], b: { c: 'y' }, d: new Own(), e: Object.create(null) };
    expect(harmlessValue(value)).toBe(value);
    const list = [{ a: 1 }, [2]];
    expect(harmlessValue(list)).toBe(list);
  });

  it('keep the parts that are safe, and change the others', () => {
    const safe = { x: 1 };
    const value = { safe, bad: { text: '\u0007' }, list: [safe, '\u0007'] };
    const result = harmlessValue(value);
    expect(result).toEqual({ safe: { x: 1 }, bad: { text: '\\u0007' }, list: [{ x: 1 }, '\\u0007'] });
    expect(result.safe).toBe(safe);
    expect(result.list[0]).toBe(safe);
    expect(value.bad.text).toBe('\u0007');
  });

  it('of classes are left alone, and those without a class are not', () => {
    const own = new Own();
    expect(harmlessValue(own)).toBe(own);
    expect(harmlessValue({ own })).toEqual({ own });
    const bare = Object.assign(Object.create(null) as object, { text: '\u0007' });
    expect(harmlessValue(bare)).toEqual({ text: '\\u0007' });
    const act = () => '\u0007';
    expect(harmlessValue(act)).toBe(act);
  });

  it('that hold themselves end there', () => {
    const ring: { self?: unknown; text: string } = { text: 'safe' };
    ring.self = ring;
    expect(harmlessValue(ring)).toBe(ring);
    const bad: { self?: unknown; text: string } = { text: '\u0007' };
    bad.self = bad;
    expect(harmlessValue(bad)).toMatchObject({ text: '\\u0007' });
  });

  it('are made safe by the given function, names of fields too', () => {
    const upper = (text: string) => text.toUpperCase();
    expect(harmlessValue({ a: ['b', { c: 'd' }] }, upper)).toEqual({ A: ['B', { C: 'D' }] });
    expect(createHarmlessView(upper)(['b'])).toEqual(['B']);
  });
});

it('a view knows what it has walked', () => {
  let walked = 0;
  const view = createHarmlessView((text) => {
    walked++;
    return `${text}!`;
  });
  const part = { text: 'x' };
  const first = view({ part });
  const before = walked;
  const second = view({ part, more: 1 });
  expect(second).toEqual({ 'part!': { 'text!': 'x!' }, 'more!': 1 });
  expect((second as Record<string, unknown>)['part!']).toBe((first as Record<string, unknown>)['part!']);
  // Only the names of the outer fields.
  expect(walked - before).toBe(2);
});
