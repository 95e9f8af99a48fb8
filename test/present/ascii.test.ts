import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { GLYPH } from '../../screens/style/theme.ts';
import { asciiStream, hasUnicode, toAscii } from '../../src/present/ascii.ts';

it('has a character for every glyph of the screens, one for one', () => {
  const glyphs = `${Object.values(GLYPH).join('')}━─·…↑←→`;
  expect(toAscii(glyphs)).toMatch(/^[\x20-\x7e]+$/);
  expect(toAscii(glyphs)).toHaveLength(Array.from(glyphs).length);
});

it('tells apart what the glyphs tell apart: done is not make, which is a plus', () => {
  // All three are where one is.
  const { now, chosen, running, ...others } = GLYPH;
  const shown = [now, ...Object.values(others)].map(toAscii);
  expect(new Set(shown).size).toBe(shown.length);
  expect(new Set([now, chosen, running].map(toAscii)).size).toBe(1);
  expect(toAscii(GLYPH.make)).toBe('+');
});

it('leaves alone what is not ours', () => {
  expect(toAscii('/home/été/漢字')).toBe('/home/été/漢字');
});

it.each<[NodeJS.ProcessEnv, NodeJS.Platform, boolean]>([
  [{ LANG: 'en_GB.UTF-8' }, 'linux', true],
  [{ LANG: 'C.utf8' }, 'linux', true],
  [{}, 'linux', true],
  [{ LANG: 'en_GB.UTF-8', LC_ALL: 'C' }, 'linux', false],
  [{ LC_CTYPE: 'de_DE.ISO-8859-1', LANG: 'de_DE.UTF-8' }, 'linux', false],
  [{ TERM: 'linux', LANG: 'en_GB.UTF-8' }, 'linux', false],
  [{}, 'win32', false],
  [{ WT_SESSION: 'x' }, 'win32', true],
])('%j on %s', (env, platform, expected) => {
  expect(hasUnicode(env, platform)).toBe(expected);
});

it('is a stream like the one it wraps', () => {
  const inner = Object.assign(new PassThrough(), { columns: 80, isTTY: true });
  const outer = asciiStream(inner as unknown as NodeJS.WriteStream);
  let resized = 0;
  outer.on('resize', () => resized++);
  inner.emit('resize');
  outer.write('✓ done');
  expect(resized).toBe(1);
  expect(outer.columns).toBe(80);
  expect(String(inner.read())).toBe('* done');
});
