import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { plainEnvironment } from '../fixtures/program.ts';
import { cellsOf } from '../fixtures/screen.ts';
import { bundleDemo, type Demo, type DemoTerminal } from './demo-terminal.ts';
import { openTerminal } from './terminal.ts';

/** Random-key runs; `KTX_HANDOVER_RUNS=200` is the complete form. */
const RUNS = Number(process.env['KTX_HANDOVER_RUNS'] ?? 4);
/** Ink's frames come between the marks of a synchronised update; the first screen's do not. */
const INK_FRAME = '\u001b[?2026h';
const INK_FRAME_END = '\u001b[?2026l';

let demo: Demo;
beforeAll(async () => {
  demo = await bundleDemo();
});
afterAll(() => demo.dispose());

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
    await terminal.until('Looking at what is here already');
    await terminal.type('\u001b[B\r');
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

  it('says on a clean terminal that the package is damaged', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ktx-damaged-'));
    for (const part of ['bin', 'package.json', 'assets/python', 'dist/first-screen.cjs'])
      await cp(join(PACKAGE_ROOT, part), join(folder, part), { recursive: true });
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

const KEYS = [
  '\u001b[B',
  '\u001b[A',
  '\u001b[B',
  '\t',
  '\r',
  '\u001b',
  '?',
  'x',
  'j',
  ' ',
  '\u001b[H',
  '\u000c',
];

describe('keys from the first millisecond', () => {
  it.each(Array.from({ length: RUNS }, (_, index) => [index + 1]))(
    'count as if they were typed slowly: run %i',
    async (run) => {
      const next = numbers(run * 7919);
      const scenario = next() < 0.3 ? 'ready' : 'install';
      const pick = () => KEYS[Math.floor(next() * KEYS.length)]!;
      const keys = Array.from({ length: 1 + Math.floor(next() * 8) }, pick);
      const last = next();
      if (last < 0.1) keys.push('q');
      else if (last < 0.2) keys.push('\u0003');

      const slow = await demo.start({ scenario, firstScreen: 'then-load' });
      await slow.until(inkIsThere(slow));
      for (const key of keys) await typeSlowly(slow, key);
      const fast = await demo.start({ scenario, firstScreen: 'then-load' });
      // A lone escape is a key only when nothing follows at once, so each is a write of its own.
      for (const key of keys) {
        // Before anything runs, this one ends the process, as it should.
        if (key === '\u0003') await fast.until('ktx setup');
        fast.send(key);
        if (key === '\u001b' || next() < 0.3)
          await new Promise((resolve) => setTimeout(resolve, 30 + next() * 60));
      }
      const isLeft = keys.some((key) => key === 'q' || key === '\u0003');
      if (isLeft) {
        expect(await fast.exited).toEqual(await slow.exited);
        return;
      }
      const wanted = settledText(slow);
      await fast
        .until(() => inkIsThere(fast)() && settledText(fast) === wanted)
        .catch((error: Error) => {
          throw new Error(`${scenario}: ${JSON.stringify(keys)}\nwanted:\n${wanted}\n${error.message}`);
        });
    },
    60_000,
  );
});

/** Until the program has drawn everything anew, which it does after the key. */
async function typeSlowly(terminal: DemoTerminal, key: string): Promise<void> {
  const seen = terminal.output().length;
  terminal.send(key);
  if (key === 'q' || key === '\u0003') return;
  if (key === '\u001b') await new Promise((resolve) => setTimeout(resolve, 60));
  terminal.send('\u000c');
  await terminal.until(() => terminal.output().slice(seen).includes('\u001b[H\u001b[2J'));
}

/** Without the clock. */
function settledText(terminal: DemoTerminal): string {
  return terminal.text().replaceAll(/\d+(?:\.\d)? m?s\b/g, 'T');
}
