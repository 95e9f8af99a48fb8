import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { styledCharsFromTokens, tokenize } from '@alcalzone/ansi-tokenize';
import { build } from 'esbuild';
import fc from 'fast-check';
import realStringWidth from 'string-width';
import { expect, it } from 'vitest';
import { GraphemeSegmenter } from '../../scripts/start-up/grapheme-segmenter.mjs';
import { startUp } from '../../scripts/start-up/plugin.mjs';
import { simpleCells } from '../../scripts/start-up/simple-cells.mjs';
import { SIMPLE_TEXT } from '../../scripts/start-up/simple-text.mjs';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

/** The stand-ins of the bundle say what the libraries say, or ask them. */
const everySimpleCharacter = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter(
  (character) => SIMPLE_TEXT.test(character),
);
const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...everySimpleCharacter) },
  { weight: 2, arbitrary: fc.constantFrom('\u001b[1m', '\u001b[38;5;45m', '\u001b[0m', '\u001b[22;39m') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '漢',
      'é',
      '👨‍👩‍👧',
      '\u0301',
      '\ufe0f',
      '한',
      '\u00ad',
      '\t',
      '\n',
      '◽',
      '\u001b',
    ),
  },
);
const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

it('every simple character is one column and one cluster', () => {
  expect(everySimpleCharacter.length).toBeGreaterThan(400);
  const segmenter = new Intl.Segmenter();
  for (const character of everySimpleCharacter) {
    expect([character, realStringWidth(character)]).toEqual([character, 1]);
    // Between two others of every kind nothing joins.
    expect([...segmenter.segment(`a${character}${character}─`)]).toHaveLength(4);
  }
});

it('widths agree', async () => {
  // Bundled as the program is: outside of a bundle its `require` finds nothing.
  const outfile = join(await temporaryFolder(), 'string-width.mjs');
  const stdin = { contents: `export { default } from 'string-width';`, resolveDir: import.meta.dirname };
  await build({ stdin, outfile, bundle: true, platform: 'node', format: 'esm', plugins: [startUp] });
  const { default: stringWidth } = await import(pathToFileURL(outfile).href);
  fc.assert(
    fc.property(text, (value) => {
      expect(stringWidth(value)).toBe(realStringWidth(value));
    }),
    { numRuns: 2000 },
  );
});

it('clusters agree', () => {
  fc.assert(
    fc.property(text, (value) => {
      const options = { granularity: 'grapheme' };
      const real = new Intl.Segmenter(undefined, options as Intl.SegmenterOptions).segment(value);
      const ours = new GraphemeSegmenter(undefined, options).segment(value);
      expect([...ours]).toEqual([...real]);
      for (const at of [-1, 0, 3, value.length - 1, value.length]) {
        expect(ours.containing(at)).toEqual(real.containing(at));
      }
      expect(ours.containing()).toEqual(real.containing());
    }),
    { numRuns: 2000 },
  );
});

it('cells agree', () => {
  fc.assert(
    fc.property(text, (value) => {
      const ours = simpleCells(value);
      if (ours !== undefined) expect(ours).toEqual(styledCharsFromTokens(tokenize(value)));
    }),
    { numRuns: 2000 },
  );
  expect(simpleCells('\u001b[2mabc\u001b[22m')).toHaveLength(3);
});

it('frames agree', async () => {
  const outfile = join(await temporaryFolder(), 'output.mjs');
  const file = join(PACKAGE_ROOT, 'node_modules/ink/build/output.js');
  await build({
    entryPoints: [file],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    plugins: [startUp],
  });
  const { default: RealOutput } = await import(pathToFileURL(file).href);
  const { default: OurOutput } = await import(pathToFileURL(outfile).href);
  const place = fc.integer({ min: -5, max: 30 });
  const write = fc.record({ x: place, y: place, value: text, isDim: fc.boolean() });
  const clip = fc.record({ x1: place, x2: place, y1: place, y2: place });
  const drawn = (
    Output: typeof RealOutput,
    writes: { x: number; y: number; value: string; isDim: boolean }[],
    area: object,
  ) => {
    const output = new Output({ width: 30, height: 6 });
    output.clip(area);
    for (const { x, y, value, isDim } of writes) {
      const transformers = isDim ? [(line: string) => `\u001b[2m${line}\u001b[22m`] : [];
      output.write(x, y % 6, value, { transformers });
    }
    output.unclip();
    return output.get();
  };
  fc.assert(
    fc.property(fc.array(write, { maxLength: 4 }), clip, (writes, area) => {
      expect(drawn(OurOutput, writes, area)).toEqual(drawn(RealOutput, writes, area));
    }),
    { numRuns: 2000 },
  );
});
