import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeDiff } from '../../../src/hosts/config/diff.ts';

const lines = (...all: string[]) => all.join('\n');

describe('8. a diff', () => {
  it.each<[string, string, string, string]>([
    ['identical', 'a\nb', 'a\nb', ''],
    ['a change', 'a\nb\nc', 'a\nx\ny\nc', lines('@@ lines 2..2 -> 2..3 @@', '- b', '+ x', '+ y')],
    ['an insertion', 'a\nc', 'a\nb\nc', lines('@@ lines 2..1 -> 2..2 @@', '+ b')],
    ['a deletion', 'a\nb\nc', 'a\nc', lines('@@ lines 2..2 -> 2..1 @@', '- b')],
    ['the first line', 'a\nb', 'x\nb', lines('@@ lines 1..1 -> 1..1 @@', '- a', '+ x')],
    ['the last line', 'a\nb', 'a\nx', lines('@@ lines 2..2 -> 2..2 @@', '- b', '+ x')],
    ['a final line end', 'a', 'a\n', lines('@@ lines 2..1 -> 2..2 @@', '+ ')],
    ['all of it', '', 'a', lines('@@ lines 1..1 -> 1..1 @@', '- ', '+ a')],
    ['a carriage return', 'a\r\nb', 'a\nb', lines('@@ lines 1..1 -> 1..1 @@', '- a\r', '+ a')],
    ['a line that repeats', 'a\na', 'a\na\na', lines('@@ lines 3..2 -> 3..3 @@', '+ a')],
  ])('%s', (_name, before, after, expected) => {
    expect(computeDiff(before, after)).toBe(expected);
  });

  it('leads from the old text to the new one', () => {
    const text = fc
      .array(fc.constantFrom('a', 'b', '', '- c', '+ d', '@@'), { maxLength: 8 })
      .map((all) => all.join('\n'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(patched(before, computeDiff(before, after))).toBe(after);
      }),
      { numRuns: 500 },
    );
  });
});

function patched(before: string, diff: string): string {
  if (diff === '') return before;
  const [header, ...body] = diff.split('\n');
  const [first, oldEnd, , newEnd] = header!.match(/\d+/g)!.map(Number) as [number, number, number, number];
  const oldCount = oldEnd - first + 1;
  const all = before.split('\n');
  expect(body.slice(0, oldCount)).toEqual(all.slice(first - 1, oldEnd).map((line) => `- ${line}`));
  const added = body.slice(oldCount);
  expect(added).toHaveLength(newEnd - first + 1);
  all.splice(first - 1, oldCount, ...added.map((line) => line.slice(2)));
  return all.join('\n');
}
