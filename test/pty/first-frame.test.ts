import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { cellsOf } from '../fixtures/screen.ts';
import { openTerminal, type TestTerminal } from './terminal.ts';

// The program itself: what stands first was drawn when it was built.
const INK_FRAME = '\u001b[?2026h';
const INK_FRAME_END = '\u001b[?2026l';
const ERASE = '\u001b[2J';

let home: string;
let terminal: TestTerminal;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ktx-first-'));
});
afterEach(async () => {
  terminal.kill('SIGKILL');
  await terminal.exited;
  terminal.close();
  await rm(home, { recursive: true, force: true });
});

function start(
  more: Record<string, string> = {},
  size: { columns?: number; rows?: number } = {},
): TestTerminal {
  terminal = openTerminal({
    command: process.execPath,
    args: [LAUNCHER, 'setup'],
    cwd: home,
    env: { ...plainEnvironment(home), TERM: 'xterm-256color', ...more },
    ...size,
  });
  return terminal;
}

const inkIsThere = () => terminal.output().includes(INK_FRAME_END);

async function cellsAfter(output: string, columns: number, rows: number): Promise<string[]> {
  const screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  await new Promise<void>((resolve) => screen.write(output, resolve));
  const cells = cellsOf(screen);
  screen.dispose();
  return cells;
}

describe('the frame that was drawn ahead', () => {
  it.each([
    ['80 x 24', 80, 24, {}],
    ['133 x 41, light', 133, 41, { COLORFGBG: '0;15' }],
    ['no colours', 80, 24, { NO_COLOR: '1' }],
    ['a smaller terminal', 60, 20, {}],
    ['ASCII', 80, 24, { LANG: 'C' }],
    ['German', 80, 24, { LC_ALL: 'de_DE.UTF-8' }, 'Was soll ktx auf diesem Rechner können?'],
    ['German, ASCII', 100, 30, { LC_ALL: 'de_DE' }, 'Was soll ktx auf diesem Rechner koennen?'],
    ['German, asked for', 80, 24, { KTX_LANGUAGE: 'de', LC_ALL: 'C.UTF-8' }, 'Was soll ktx'],
    ['Japanese', 80, 24, { LC_ALL: 'ja_JP.UTF-8' }, 'このマシンで ktx に何をさせますか?'],
    ['Japanese, wide and light', 133, 41, { LC_ALL: 'ja_JP.UTF-8', COLORFGBG: '0;15' }, 'このマシンで'],
    ['Japanese, a smaller terminal', 60, 20, { LC_ALL: 'ja_JP.UTF-8' }, 'このマシンで'],
    ['Japanese without Unicode', 80, 24, { LC_ALL: 'ja_JP.eucJP' }],
  ])(
    'is drawn once, and Ink changes no cell of it: %s',
    async (_what, columns, rows, env, question = 'What should ktx') => {
      start(env, { columns, rows });
      await terminal.until(inkIsThere, 60_000);
      const output = terminal.output();
      const before = output.slice(0, output.indexOf(INK_FRAME));
      const after = output.slice(0, output.indexOf(INK_FRAME_END) + INK_FRAME_END.length);
      expect(before).toContain(question);
      expect(before.split(ERASE)).toHaveLength(2);
      expect(await cellsAfter(after, columns, rows)).toEqual(await cellsAfter(before, columns, rows));
    },
  );

  it.each([
    ['a project that needs a feature', 'ktx.yaml', 'connections:\n  bi: { driver: looker }\n'],
    ['a folder of a runtime', '.ktx/runtime/uv/note', ''],
  ])('is not shown for %s', async (_what, path, text) => {
    await mkdir(join(home, path, '..'), { recursive: true });
    await writeFile(join(home, path), text);
    start();
    await terminal.until('enter continue', 60_000);
    await terminal.until(inkIsThere, 60_000);
  });
});

describe('keys from the start', () => {
  it('choose, and are kept for the wizard', async () => {
    start();
    terminal.send('\u001b[B\u001b[A\u001bOB');
    await terminal.until(/› ◉ Core \+/, 60_000);
    await terminal.until(inkIsThere, 60_000);
    expect(terminal.text()).toMatch(/› ◉ Core \+/);
    await terminal.until(() => terminal.output().includes('\u001b]2;'), 60_000);
    terminal.press('up');
    await terminal.until(/› ◉ Core /, 60_000);
  });

  it('that mean more come in order', async () => {
    start();
    terminal.send('\u001b[B?');
    await terminal.until('Keys on this screen', 60_000);
    await terminal.until(inkIsThere, 60_000);
    terminal.send('?');
    await terminal.until(/› ◉ Core \+/, 60_000);
  });

  it.each([
    ['q', 'q', 0],
    ['ctrl+c', '\u0003', 0],
  ])('%s leaves a clean terminal', async (_what, keys, exitCode) => {
    start();
    await terminal.until('enter continue', 60_000);
    terminal.send(keys);
    expect(await terminal.exited).toMatchObject({ exitCode });
    expect(terminal.isAlternateScreen()).toBe(false);
    expect(terminal.isCursorVisible()).toBe(true);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s leaves a clean terminal', async (signal) => {
    start();
    await terminal.until('enter continue', 60_000);
    terminal.kill(signal);
    expect(await terminal.exited).toMatchObject({ exitCode: 130 });
    expect(terminal.isAlternateScreen()).toBe(false);
    expect(terminal.isCursorVisible()).toBe(true);
  });
});
