import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Size } from '../../../screens/layout/layout.ts';
import type { Theme } from '../../../screens/style/theme.ts';
import { firstScreenBundle } from '../../../scripts/build.mjs';
import type { frameRows } from '../../../src/present/first-screen/frame.tsx';
import type { WizardState } from '../../../src/wizard/state.ts';
import { cellsOf, openScreen } from '../../fixtures/screen.ts';
import { STATES } from '../../fixtures/screen-states.ts';

let folder: string;
let rowsOf: typeof frameRows;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-frame-'));
  const outfile = join(folder, 'frame.cjs');
  await build({ ...firstScreenBundle('src/present/first-screen/frame.tsx', '0.3.0'), outfile });
  rowsOf = createRequire(import.meta.url)(outfile).frameRows;
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 63, rows: 18 },
  { columns: 47, rows: 16 },
  { columns: 40, rows: 12 },
  { columns: 30, rows: 8 },
];

/** Screens that stand before Ink is loaded. */
const EARLY = ['loading', 'features', 'features with a reason', 'ready', 'probing', 'help'];
const isWide = (name: string): boolean => name.includes('wide characters');

async function cellsWithoutInk(state: WizardState, size: Size, theme: Theme): Promise<string[]> {
  const terminal = new xterm.Terminal({ cols: size.columns, rows: size.rows, allowProposedApi: true });
  const log = { version: 0, lines: [], hiddenCount: 0 };
  const frame = rowsOf(state, size, theme, true, log).join('\r\n');
  await new Promise<void>((resolve) => terminal.write(`\u001b[?1049h\u001b[H${frame}`, resolve));
  const cells = cellsOf(terminal);
  terminal.dispose();
  return cells;
}

describe('the frame drawn without Ink is the frame that Ink draws, cell by cell', () => {
  it.each(Object.entries(STATES).filter(([name]) => !isWide(name)))('%s', async (name, state) => {
    for (const size of EARLY.includes(name) ? SIZES : SIZES.slice(0, 1)) {
      for (const hasColour of size === SIZES[0] ? [true, false] : [true]) {
        const screen = await openScreen(state, { ...size, hasColour });
        const ours = await cellsWithoutInk(state, size, { hasColour, homeDir: '/home/ada' });
        const inks = screen.cells();
        screen.close();
        expect(ours, `${size.columns} x ${size.rows}`).toEqual(inks);
      }
    }
  });

  it.each(Object.entries(STATES).filter(([name]) => isWide(name)))('%s is left to Ink', (_name, state) => {
    const draw = () =>
      rowsOf(state, SIZES[0]!, { hasColour: true, homeDir: '/home/ada' }, true, {
        version: 0,
        lines: [],
        hiddenCount: 0,
      });
    expect(draw).toThrow('プ');
  });
});
