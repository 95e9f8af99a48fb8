import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinCommandLine, splitCommandLine } from '../../src/process/command-line.ts';

describe('splitCommandLine', () => {
  it.each([
    ['', []],
    ['  a   b\tc\n', ['a', 'b', 'c']],
    [`"C:\\Program Files\\uv.exe" run`, ['C:\\Program Files\\uv.exe', 'run']],
    [`a 'b c' "d 'e'"`, ['a', 'b c', "d 'e'"]],
    [`a"b c"d`, ['ab cd']],
    [`a '' ""`, ['a', '', '']],
    [`a 'never closed b`, ['a', 'never closed b']],
    ['C:\\py\\python.exe', ['C:\\py\\python.exe']],
  ])('%j', (command, words) => {
    expect(splitCommandLine(command)).toEqual(words);
  });
});

describe('joinCommandLine', () => {
  it('leaves plain words alone and quotes the others', () => {
    expect(joinCommandLine(['/bin/sh', '-c', 'a b', '', "it's"])).toBe(`/bin/sh -c 'a b' '' 'it'"'"'s'`);
  });

  it('loses nothing, whatever is in the words', () => {
    const word = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom("'", '"', ' ', 'a', '\n', '\\', '\u00a0') }),
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(splitCommandLine(joinCommandLine(words))).toEqual(words);
      }),
    );
  });
});
