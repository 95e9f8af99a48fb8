import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Size } from '../../../screens/layout/layout.ts';
import type { Theme } from '../../../screens/style/theme.ts';
import { firstScreenBundle } from '../../../scripts/build.mjs';
import { readCatalogue } from '../../../src/language/catalogue.ts';
import { catalogueFile } from '../../../src/language/load.ts';
import { speak } from '../../../src/language/translate.ts';
import type { FeaturesState, WizardState } from '../../../src/wizard/state.ts';
import type * as bundledFrame from '../../fixtures/bundled-frame.ts';
import { cellsOf, openScreen } from '../../fixtures/screen.ts';
import { STATES } from '../../fixtures/screen-states.ts';

let folder: string;
let inBundle: typeof bundledFrame;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ktx-frame-'));
  const outfile = join(folder, 'frame.cjs');
  await build({ ...firstScreenBundle('test/fixtures/bundled-frame.ts', '0.3.0'), outfile });
  inBundle = createRequire(import.meta.url)(outfile);
});

afterEach(() => {
  speak(null);
  inBundle.speak(null);
});
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

async function cellsWithoutInk(state: WizardState, size: Size, theme: Theme): Promise<string[]> {
  const terminal = new xterm.Terminal({ cols: size.columns, rows: size.rows, allowProposedApi: true });
  const log = { version: 0, lines: [], hiddenCount: 0 };
  const frame = inBundle.frameRows(state, size, theme, true, log).join('\r\n');
  await new Promise<void>((resolve) => terminal.write(`\u001b[?1049h\u001b[H${frame}`, resolve));
  const cells = cellsOf(terminal);
  terminal.dispose();
  return cells;
}

describe('the frame drawn without Ink is the frame that Ink draws, cell by cell', () => {
  it.each(Object.entries(STATES))('%s', async (name, state) => {
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

  it.each(['🐍', 'e\u0301', '한국어'])('a folder called %s is left to Ink', (name) => {
    const state = STATES['features in a folder of wide characters'] as FeaturesState;
    const elsewhere = { ...state, overview: { ...state.overview, runtimeRoot: `/srv/${name}` } };
    const log = { version: 0, lines: [], hiddenCount: 0 };
    const draw = () =>
      inBundle.frameRows(elsewhere, SIZES[0]!, { hasColour: true, homeDir: '/home/ada' }, true, log);
    expect(draw).toThrow(name);
  });

  it.each(['de', 'ja'] as const)('in %s', async (language) => {
    const file = catalogueFile(language);
    speak(readCatalogue(file, (text) => text));
    inBundle.speak(inBundle.readCatalogue(file, (text) => text));
    for (const [name, state] of Object.entries(STATES).filter(([each]) => EARLY.includes(each))) {
      for (const size of SIZES) {
        const screen = await openScreen(state, size);
        const ours = await cellsWithoutInk(state, size, { hasColour: true, homeDir: '/home/ada' });
        const inks = screen.cells();
        screen.close();
        expect(ours, `${name}, ${size.columns} x ${size.rows}`).toEqual(inks);
      }
    }
  });
});
