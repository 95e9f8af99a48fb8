import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pressed } from '../../screens/layout/pressed.ts';
import { firstScreenBundle } from '../../scripts/build.mjs';
import type { frameRows } from '../../src/present/first-screen/frame.tsx';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { reduce } from '../../src/wizard/reduce.ts';
import { startWizard, type WizardState } from '../../src/wizard/state.ts';
import { plainEnvironment } from '../fixtures/program.ts';
import { cellsOf } from '../fixtures/screen.ts';
import { DEMO_OVERVIEW, DEMO_READY_OVERVIEW } from './demo-data.ts';
import { bundleDemo, type Demo, type DemoTerminal } from './demo-terminal.ts';
import { openTerminal } from './terminal.ts';

/** Random-key runs; `KTX_HANDOVER_RUNS=200` is the complete form. */
const RUNS = Number(process.env['KTX_HANDOVER_RUNS'] ?? 4);
/** Ink's frames come between the marks of a synchronised update; the first screen's do not. */
const INK_FRAME = '\u001b[?2026h';
const INK_FRAME_END = '\u001b[?2026l';

let demo: Demo;
let folder: string;
let rowsOf: typeof frameRows;
beforeAll(async () => {
  demo = await bundleDemo();
  folder = await mkdtemp(join(tmpdir(), 'ktx-frame-'));
  const outfile = join(folder, 'frame.cjs');
  await build({ ...firstScreenBundle('src/present/first-screen/frame.tsx', '0.3.0'), outfile });
  rowsOf = createRequire(import.meta.url)(outfile).frameRows;
});
afterAll(async () => {
  await demo.dispose();
  await rm(folder, { recursive: true });
});

const inkIsThere = (terminal: DemoTerminal) => () => terminal.output().includes(INK_FRAME_END);

async function cellsAfter(output: string, columns = 80, rows = 24): Promise<string[]> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  const cells = cellsOf(terminal);
  terminal.dispose();
  return cells;
}

describe('the handover to Ink', () => {
  it.each([
    ['the features', 'install', {}],
    ['the ready menu', 'ready', {}],
    ['no colours', 'install', { NO_COLOR: '1' }],
    ['ASCII', 'install', { LANG: 'C' }],
    ['no styles', 'install', { FORCE_COLOR: '0' }],
    // Node warns of this while it loads.
    ['NO_COLOR and FORCE_COLOR', 'install', { NO_COLOR: '1', FORCE_COLOR: '1' }],
  ])('changes no cell: %s', async (_what, scenario, env) => {
    const terminal = await demo.start({ scenario, env, firstScreen: 'then-load' });
    await terminal.until(inkIsThere(terminal));
    const output = terminal.output();
    const [before = ''] = output.split(INK_FRAME);
    const after = output.slice(0, output.indexOf(INK_FRAME_END) + INK_FRAME_END.length);
    expect(before).toContain('ktx setup');
    expect(await cellsAfter(after)).toEqual(await cellsAfter(before));
  });

  it('carries what was chosen, and goes on where it was', async () => {
    const terminal = await demo.start({ firstScreen: 'until-loaded' });
    terminal.press('down');
    await terminal.until('› ◉ Core + local embeddings');
    terminal.press('enter');
    await terminal.until('● Plan');
    expect(terminal.output()).not.toContain(INK_FRAME);
    terminal.open('load');
    await terminal.until(inkIsThere(terminal));
    terminal.open('plan');
    await terminal.until('› Install');
    expect(terminal.text()).toContain('embedding model');
  });

  it('draws again what was resized meanwhile', async () => {
    const terminal = await demo.start({ firstScreen: 'until-loaded' });
    await terminal.until('enter continue');
    await terminal.resize(50, 16);
    await terminal.until((text) => text.includes('Features 1/4'));
    terminal.open('load');
    await terminal.until(inkIsThere(terminal));
    await terminal.resize(80, 24);
    await terminal.until(/○ Check/);
    expect(terminal.text().match(/ktx setup/g)).toHaveLength(1);
  });

  it('drops keys that were meant for another question', async () => {
    const terminal = await demo.start({ scenario: 'ready-after-all', firstScreen: 'until-loaded' });
    await terminal.until('enter continue');
    terminal.press('enter');
    await terminal.until('● Plan');
    terminal.open('load');
    await terminal.until('What do you want to do?');
    expect(terminal.text()).toContain('› Check that it works');
  });

  it('lets keys wait while nobody knows what will be asked', async () => {
    const terminal = await demo.start({ firstScreen: 'until-loaded', env: { DEMO_GUESS: 'nothing' } });
    await terminal.until('Checking what is already installed');
    // A terminal sends the sequence of a key in one piece; an escape by itself is a key.
    terminal.send('\u001b[B');
    terminal.send('\r');
    terminal.open('load');
    terminal.open('plan');
    await terminal.until('embedding model');
  });

  it('gives the rest of a sequence to Ink', async () => {
    const terminal = await demo.start({ firstScreen: 'until-loaded' });
    await terminal.until('enter continue');
    terminal.send('?\u001b[');
    await terminal.until('Keys on this screen');
    terminal.open('load');
    await terminal.until(inkIsThere(terminal));
    terminal.send('B');
    terminal.send('?');
    await terminal.until('enter continue');
  });
});

describe('before the program is loaded', () => {
  it.each([
    ['q', 'q', 0],
    ['ctrl+c', '\u0003', 0],
    ['ctrl+c while it plans', '\r\u0003', 130],
  ])('%s leaves a clean terminal', async (_what, keys, exitCode) => {
    const terminal = await demo.start({ firstScreen: 'until-loaded' });
    await terminal.until('enter continue');
    terminal.send(keys);
    expect(await terminal.exited).toMatchObject({ exitCode });
    expect(terminal.isAlternateScreen()).toBe(false);
    expect(terminal.isCursorVisible()).toBe(true);
    expect(terminal.output()).toContain('\u001b[?2004l');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s leaves a clean terminal', async (signal) => {
    const terminal = await demo.start({
      firstScreen: 'until-loaded',
      wrapper:
        'trap "" INT TERM HUP; (trap - INT TERM HUP; exec $DEMO); echo "left $?"; stty -a | tr " ;" "\\n\\n" | grep -x -e "-*icanon" -e "-*echo"',
    });
    await terminal.until('enter continue');
    const { execFileSync } = await import('node:child_process');
    const child = execFileSync('pgrep', ['-P', String(terminal.pid), '-f', 'launch.cjs'], {
      encoding: 'utf8',
    });
    process.kill(Number(child.trim().split('\n')[0]), signal);
    await terminal.exited;
    expect(terminal.text()).toContain('left 130');
    expect(terminal.text()).toMatch(/^icanon$/m);
    expect(terminal.text()).toMatch(/^echo$/m);
    expect(terminal.isAlternateScreen()).toBe(false);
    expect(terminal.isCursorVisible()).toBe(true);
  });

  it.each([
    ['the program is gone', 'cli.js'],
    ['what draws the first screen is gone, too', 'first-screen.cjs'],
  ])('says on a clean terminal that the package is damaged: %s', async (_what, missing) => {
    const folder = await mkdtemp(join(tmpdir(), 'ktx-damaged-'));
    for (const part of ['bin', 'package.json', 'assets/python'])
      await cp(join(PACKAGE_ROOT, part), join(folder, part), { recursive: true });
    const firstParts = (await readdir(join(PACKAGE_ROOT, 'dist'))).filter((name) =>
      name.startsWith('first-'),
    );
    for (const name of firstParts)
      if (name !== missing) await cp(join(PACKAGE_ROOT, 'dist', name), join(folder, 'dist', name));
    await mkdir(join(folder, 'home'));
    const terminal = openTerminal({
      command: process.execPath,
      args: [join(folder, 'bin/ktx.cjs'), 'setup'],
      cwd: folder,
      env: plainEnvironment(join(folder, 'home')),
    });
    expect(await terminal.exited).toMatchObject({ exitCode: 1 });
    expect(terminal.output()).toContain('What should ktx be able to do');
    expect(terminal.text()).toContain('ktx cannot be loaded');
    expect(terminal.isAlternateScreen()).toBe(false);
    terminal.close();
    await rm(folder, { recursive: true });
  });
});

/** A small generator of numbers that a failed run can be repeated with. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const KEYS = {
  '\u001b[B': 'down',
  '\u001b[A': 'up',
  '\t': 'tab',
  '\r': 'enter',
  '\u001b': 'escape',
  '?': '?',
  x: 'x',
  j: 'j',
  ' ': 'space',
  '\u001b[H': 'home',
  '\u000c': 'ctrl+l',
  q: 'q',
  '\u0003': 'ctrl+c',
} as const;
type KeyBytes = keyof typeof KEYS;
const MOVING = Object.keys(KEYS).filter((key) => key !== 'q' && key !== '\u0003') as KeyBytes[];

/** What the wizard makes of the keys when each is read by itself: nobody types more slowly. */
function typedSlowly(scenario: string, keys: readonly KeyBytes[]): WizardState {
  const overview = scenario === 'ready' ? DEMO_READY_OVERVIEW : DEMO_OVERVIEW;
  const { next: loading } = startWizard({ nowMs: 0, hasProject: true });
  let state = reduce(loading, { type: 'overview', runId: 1, overview, nowMs: 0 }).next;
  const context = {
    size: { columns: 80, rows: 24 },
    log: { version: 0, lines: [], hiddenCount: 0 },
    homeDir: '/home/ada',
    nowMs: 0,
  };
  for (const key of keys) {
    const event = pressed(state, KEYS[key], context);
    if (event) state = reduce(state, event).next;
  }
  return state;
}

describe('keys from the first millisecond', () => {
  it.each(Array.from({ length: RUNS }, (_, index) => [index + 1]))(
    'count as if they were typed slowly: run %i',
    async (run) => {
      const next = numbers(run * 7919);
      const scenario = next() < 0.3 ? 'ready' : 'install';
      const some = (count: number, of: readonly KeyBytes[]) =>
        Array.from({ length: count }, () => of[Math.floor(next() * of.length)]!);
      const early = some(1 + Math.floor(next() * 6), MOVING);
      // Whether an escape is a key depends on the time to the next one: where somebody else reads, that is not this test's.
      const later = some(
        Math.floor(next() * 5),
        MOVING.filter((key) => key !== '\u001b'),
      );
      const end = next();
      if (end < 0.1) later.push('q');
      else if (end < 0.2) later.push('\u0003');
      const wanted = typedSlowly(scenario, [...early, ...later]);

      const terminal = await demo.start({ scenario, firstScreen: 'then-load' });
      terminal.send(early.join(''));
      for (const key of later) {
        // Before anything runs, this one ends the process, as it should. The keys before may have led to the doctor.
        if (key === '\u0003') await terminal.until(/ktx (?:setup|doctor)/);
        await new Promise((resolve) => setTimeout(resolve, next() * 120));
        terminal.send(key);
      }
      if (wanted.screen === 'left') {
        expect(await terminal.exited).toMatchObject({ exitCode: wanted.exitCode });
        return;
      }
      const theme = { hasColour: true, homeDir: '/home/ada' };
      const log = { version: 0, lines: [], hiddenCount: 0 };
      const frame = rowsOf(wanted, { columns: 80, rows: 24 }, theme, false, log).join('\n').trimEnd();
      // What the plan and the check say while they run is the demo's.
      const part = (text: string): string =>
        wanted.screen === 'plan' || wanted.screen === 'check'
          ? `${text.split('\n')[0]} ${text.trimEnd().split('\n').at(-1)}`
          : text.trimEnd();
      await terminal
        .until(() => inkIsThere(terminal)() && part(terminal.text()) === part(frame))
        .catch((error: Error) => {
          throw new Error(
            `${scenario}: ${JSON.stringify([early, later])}\nwanted:\n${frame}\n${error.message}`,
          );
        });
    },
    60_000,
  );
});
