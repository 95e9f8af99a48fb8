import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { firstScreenBundle } from '../../../scripts/build.mjs';
import type { frameRows } from '../../../src/present/first-screen/frame.tsx';
import { STATES } from '../../fixtures/screen-states.ts';

/**
 * Every screen as it was looked at: text, and in braces how it looks from there on. A change of a screen changes its file, and
 * that is read before it is accepted (`vitest run -u`). That Ink draws the same is the matter of `frame.test.ts`; the cursor is
 * hidden on all of them.
 */
let folder: string;
let rowsOf: typeof frameRows;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-pictures-'));
  const outfile = join(folder, 'frame.cjs');
  await build({ ...firstScreenBundle('src/present/first-screen/frame.tsx', '0.3.0'), outfile });
  rowsOf = createRequire(import.meta.url)(outfile).frameRows;
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

const LOOKS: Record<string, string> = {
  0: '',
  1: 'bold',
  2: 'faint',
  91: 'red',
  92: 'green',
  93: 'yellow',
  96: 'cyan',
};
const LOG = {
  version: 1,
  hiddenCount: 0,
  lines: ['$ uv pip install --offline', 'Resolved 16 packages in 21ms', ' + numpy==2.5.5'],
};

function readable(row: string): string {
  return row.replace(/\u001b\[([\d;]*)m/g, (_, codes: string) => {
    const looks = codes.split(';').flatMap((code) => LOOKS[code] ?? code);
    return `{${looks.filter(Boolean).join(' ')}}`;
  });
}

const isWide = (name: string): boolean => name.includes('wide characters');

it.each(Object.entries(STATES).filter(([name]) => !isWide(name)))('%s', async (name, state) => {
  const theme = { hasColour: true, homeDir: '/home/ada' };
  const picture = [
    [80, 24],
    [40, 12],
  ].map(([columns = 0, rows = 0]) => {
    const drawn = rowsOf(state, { columns, rows }, theme, true, LOG);
    return [`== ${columns} x ${rows} ==`, ...drawn.map(readable)].join('\n').trimEnd();
  });
  await expect(`${picture.join('\n\n')}\n`).toMatchFileSnapshot(`pictures/${name.replaceAll(' ', '-')}.txt`);
});
