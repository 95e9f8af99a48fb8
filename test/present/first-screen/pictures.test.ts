import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { statusLine } from '../../../screens/layout/status-line.ts';
import { viewSize } from '../../../screens/layout/view-size.ts';
import { firstScreenBundle } from '../../../scripts/build.mjs';
import type { frameRows } from '../../../src/present/first-screen/frame.tsx';
import { keyHints } from '../../../src/wizard/keys.ts';
import { STATES } from '../../fixtures/screen-states.ts';
import { VARIANTS } from '../../fixtures/screen-variants.ts';

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
});
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

/** Lines of every kind, longer and shorter than a row. */
const LONG_LOG = {
  version: 1,
  hiddenCount: 2,
  lines: [
    '$ uv pip install --offline',
    '✓ numpy-2.5.5              16 MB  from pypi.acme.internal  sha256 5cddc243',
    '✗ it failed',
    'error: one',
    'Error one of ours',
    'errors are not marked',
    '! careful',
    'warning: two',
    'warnings are not marked',
    ' + numpy==2.5.5',
    ' ~ pandas==2.3.3',
    ' - pandas==2.3.2',
    '-- a rule',
    '',
    `a line of numpy that is longer than any window of these tests: ${'0123456789'.repeat(12)}`,
    '   × No solution',
    'the last line',
  ],
};

const VARIANT_SIZES = [
  [80, 24],
  [50, 14],
] as const;

/** Each thing once, where it is met first. */
function firstOf(lines: readonly (readonly [name: string, what: string])[]): string {
  const first = new Map<string, string>();
  for (const [name, what] of lines) if (!first.has(what)) first.set(what, name);
  return [...first].map(([what, name]) => `${name}: ${what}`).join('\n');
}

it('every screen in the shapes that a value gives it', async () => {
  const theme = { hasColour: true, homeDir: '/home/ada' };
  const pictures = Object.entries(VARIANTS).map(([name, state]) => {
    const drawn = VARIANT_SIZES.map(([columns, rows]) =>
      [
        `-- ${columns} x ${rows}`,
        ...rowsOf(state, { columns, rows }, theme, true, LONG_LOG)
          .map(readable)
          .filter((row) => row !== ''),
      ].join('\n'),
    );
    return `== ${name}\n${drawn.join('\n')}\n`;
  });
  await expect(pictures.join('\n')).toMatchFileSnapshot('pictures/variants.txt');
});

it('every screen in a wide window, in a low one, and in one too small for it', async () => {
  const theme = { hasColour: true, homeDir: '/home/ada' };
  const pictures = Object.entries(STATES)
    .filter(([name]) => !isWide(name))
    .map(([name, state]) => {
      const drawn = [
        [140, 50],
        [64, 16],
        [63, 17],
        [39, 12],
        [24, 4],
      ].map(([columns = 0, rows = 0]) =>
        [
          `-- ${columns} x ${rows}`,
          ...rowsOf(state, { columns, rows }, theme, true, LONG_LOG)
            .map((row) => row.replace(/\u001b\[[\d;]*m/g, '').trimEnd())
            .filter((row) => row !== ''),
        ].join('\n'),
      );
      return `== ${name}\n${drawn.join('\n')}\n`;
    });
  await expect(pictures.join('\n')).toMatchFileSnapshot('pictures/sizes.txt');
});

it('what each screen tells the keys of its room', async () => {
  const lines = Object.entries({ ...STATES, ...VARIANTS }).flatMap(([name, state]) =>
    [
      [80, 24],
      [140, 50],
      [63, 16],
      [40, 10],
    ].map(([columns = 0, rows = 0]) => {
      const view = viewSize(state, { columns, rows }, LONG_LOG, '/home/ada');
      return [name, `${columns} x ${rows} ${JSON.stringify(view)}`] as const;
    }),
  );
  await expect(firstOf(lines)).toMatchFileSnapshot('pictures/rooms.txt');
});

it('what stands in a window too small for a screen', async () => {
  const lines = Object.entries({ ...STATES, ...VARIANTS }).flatMap(([name, state]) =>
    [20, 39, 60].map(
      (columns) => [name, `${columns} ${JSON.stringify(statusLine(state, columns))}`] as const,
    ),
  );
  await expect(firstOf(lines)).toMatchFileSnapshot('pictures/status-lines.txt');
});

it('the keys of every screen, in its footer and in its help', async () => {
  const words = (state: (typeof STATES)[string], where: 'footer' | 'help') =>
    keyHints(state, where)
      .map(({ label, hint }) => `${label} ${hint}`)
      .join(' | ');
  const lines = Object.entries({ ...STATES, ...VARIANTS }).map(
    ([name, state]) =>
      [name, `\n  footer: ${words(state, 'footer')}\n  help: ${words(state, 'help')}`] as const,
  );
  await expect(firstOf(lines)).toMatchFileSnapshot('pictures/keys.txt');
});
