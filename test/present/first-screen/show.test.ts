import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { firstScreenBundle } from '../../../scripts/build.mjs';
import type { FirstScreenOptions, showFirstScreen } from '../../../src/present/first-screen/show.ts';
import type { TerminalModes } from '../../../src/present/terminal/terminal-modes.ts';
import { STOP_SIGNALS } from '../../../src/support/stop-signals.ts';
import { STATES } from '../../fixtures/screen-states.ts';
import { temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';

const ERASE = '\u001b[H\u001b[2J';
const WATCHED = [...STOP_SIGNALS, 'SIGTSTP', 'SIGCONT', 'exit'] as const;
const listeners = () => WATCHED.map((name) => process.listenerCount(name));
let before: number[];
let inBundle: { showFirstScreen: typeof showFirstScreen };

/** As the program has it: without React, which the screens' components are written for. */
beforeAll(async () => {
  const outfile = join(await temporaryFolderForFile(), 'show.cjs');
  await build({ ...firstScreenBundle('src/present/first-screen/show.ts', '0.3.0'), outfile });
  inBundle = createRequire(import.meta.url)(outfile);
});
beforeEach(() => {
  before = listeners();
});
afterEach(() => {
  expect(listeners()).toEqual(before);
});

/** A first screen on a terminal of the test's own. */
function show(change: Partial<FirstScreenOptions> & { size?: [number, number] } = {}) {
  const written: string[] = [];
  const calls: string[] = [];
  const waiting: string[] = [];
  const left: number[] = [];
  const stdin = Object.assign(new EventEmitter(), {
    setRawMode: (isRaw: boolean) => void calls.push(isRaw ? 'raw' : 'cooked'),
    setEncoding: (name: string) => void calls.push(name),
    read: () => waiting.shift() ?? null,
    unshift: (text: string) => void calls.push(`unshift ${JSON.stringify(text)}`),
    pause: () => void calls.push('pause'),
    unref: () => void calls.push('unref'),
  });
  const [columns, rows] = change.size ?? [80, 24];
  const stdout = Object.assign(new EventEmitter(), {
    columns,
    rows,
    write: (text: string) => written.push(text),
  });
  const screen = inBundle.showFirstScreen({
    stdin: stdin as never,
    stdout: stdout as never,
    env: { TERM: 'xterm-256color', LANG: 'C.UTF-8' },
    homeDir: '/home/ada',
    begin: STATES['features']!,
    onLeave: (exitCode) => void left.push(exitCode),
    ...change,
  });
  const type = (...chunks: string[]) => {
    waiting.push(...chunks);
    stdin.emit('readable');
  };
  const quiet = () =>
    [stdin, stdout].every((stream) =>
      ['readable', 'end', 'error', 'resize'].every((name) => stream.listenerCount(name) === 0),
    );
  return { screen, stdin, stdout, written, calls, left, type, quiet };
}

const DOWN = '\u001b[B';
const UP = '\u001b[A';

it('draws the screen, reads keys raw, and moves the selection at once', () => {
  const { screen, written, calls, type } = show();
  expect(calls).toEqual(['utf8', 'raw']);
  expect(written[1]).toContain('Core');
  expect(screen.guess).toBe(STATES['features']);
  type(DOWN);
  expect(written[2]?.startsWith(ERASE)).toBe(true);
  expect(written[2]).not.toBe(ERASE + written[1]!.slice(written[1]!.indexOf('\u001b[?25l') + 6));
  const moved = written[2];
  type(UP, DOWN);
  expect(written[4]).toBe(moved);
  expect(screen.release()).toEqual({ keys: ['down', 'up', 'down'], isStale: false });
  screen.close();
});

it('a key without a meaning here is not kept', () => {
  const { screen, type } = show();
  type('z', DOWN);
  expect(screen.release().keys).toEqual(['down']);
  screen.close();
});

it('before it is known what to ask, every key waits for the wizard', () => {
  const { screen, type } = show({ begin: STATES['loading']! });
  expect(screen.guess).toBeNull();
  type('z', DOWN, '\r');
  expect(screen.release().keys).toEqual(['z', 'down', 'enter']);
  screen.close();
});

it('a sequence that is not whole yet is put back for the wizard', () => {
  const { screen, type, calls, quiet } = show();
  type('\u001b[');
  expect(screen.release().keys).toEqual([]);
  expect(calls.at(-1)).toBe('unshift "\\u001b["');
  expect(quiet()).toBe(true);
  screen.close();
});

it('a sequence in two pieces is one key', () => {
  const { screen, type, calls } = show();
  type('\u001b[');
  type('B');
  expect(screen.release().keys).toEqual(['down']);
  expect(calls).not.toContainEqual(expect.stringContaining('unshift'));
  screen.close();
});

it('a lone escape is a key after a moment, and part of a sequence before', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { screen, type } = show({ begin: STATES['help']! });
  type('\u001b');
  vi.advanceTimersByTime(19);
  type('[B');
  vi.advanceTimersByTime(100);
  type('\u001b');
  vi.advanceTimersByTime(20);
  const { keys } = screen.release();
  expect(keys.at(-1)).toBe('escape');
  expect(keys.filter((key) => key === 'escape')).toHaveLength(1);
  screen.close();
});

describe('leaving', () => {
  test.each([
    ['Ctrl+C', ({ type }: ReturnType<typeof show>) => type('\u0003')],
    ['q', ({ type }: ReturnType<typeof show>) => type('q')],
  ])('by %s restores the terminal, says goodbye and ends well', (_, leave) => {
    const world = show();
    leave(world);
    expect(world.left).toEqual([0]);
    expect(world.calls.at(-1)).toBe('cooked');
    expect(world.written.at(-1)).toMatch(/25h$/);
    expect(world.quiet()).toBe(true);
    // What was typed behind it belongs to the shell.
    const count = world.written.length;
    world.stdin.emit('readable');
    expect(world.written).toHaveLength(count);
  });

  test.each<[string, (world: ReturnType<typeof show>) => unknown]>([
    ['the end of its input', ({ stdin }) => stdin.emit('end')],
    ['an error of its input', ({ stdin }) => stdin.emit('error', new Error('EIO'))],
    ['an error of its output', ({ stdout }) => stdout.emit('error', new Error('EIO'))],
    ...STOP_SIGNALS.map((name) => [name, () => process.emit(name)] as [string, () => unknown]),
  ])('by %s: 130', (_, end) => {
    const world = show();
    end(world);
    expect(world.left).toEqual([130]);
    expect(world.calls.at(-1)).toBe('cooked');
    expect(world.quiet()).toBe(true);
  });

  it('keys behind the one that left are not pressed', () => {
    const { left, type, written } = show();
    type(`\u0003${DOWN}\u0003`);
    expect(left).toEqual([0]);
    expect(written.filter((text) => text.startsWith(ERASE))).toEqual([]);
  });
});

describe('the window', () => {
  it('is drawn again in its new size, and the wizard told of it when it was not', () => {
    const { screen, stdout, written } = show();
    Object.assign(stdout, { columns: 120, rows: 40 });
    stdout.emit('resize');
    expect(written.at(-1)?.split('\r\n')).toHaveLength(40);
    Object.assign(stdout, { columns: 100 });
    expect(screen.release().isStale).toBe(true);
    screen.close();
  });

  it('without a size has 80 columns and 24 rows', () => {
    const { screen, written } = show({ size: [0, 0] });
    expect(written[1]?.split('\r\n')).toHaveLength(24);
    expect(screen.release().isStale).toBe(false);
    screen.close();
  });

  it('is drawn again by Ctrl+L', () => {
    const { screen, type, written } = show();
    const count = written.length;
    type('\u000c');
    expect(written.length).toBeGreaterThan(count);
    screen.close();
  });

  it('without UTF-8 shows ASCII', () => {
    const { screen, written } = show({ env: { TERM: 'xterm', LANG: 'C', LC_ALL: 'C' } });
    expect(written.join('')).toMatch(/^[\u0007\u001b\r\n -~]*$/);
    screen.close();
  });
});

describe('a frame that is on the terminal already', () => {
  const terminal = () => {
    const told: string[] = [];
    const modes = {
      takeInput: () => void told.push('takeInput'),
      showScreen: () => void told.push('showScreen'),
      onRedraw: () => void told.push('onRedraw'),
      suspend: () => void told.push('suspend'),
      restore: () => void told.push('restore'),
    } as unknown as TerminalModes;
    return { modes, told };
  };
  const textOf = () => {
    const { screen, written } = show();
    screen.close();
    return written[1]!.slice(written[1]!.indexOf('\u001b[?25l') + '\u001b[?25l'.length);
  };

  it('stays when it is the same, and its keys are kept', () => {
    const { modes, told } = terminal();
    const { screen, written } = show({ shown: { terminal: modes, text: textOf(), keys: [] } });
    expect(written).toEqual([]);
    expect(told).toEqual(['onRedraw']);
    expect(screen.terminal).toBe(modes);
    screen.close();
    expect(told).toEqual(['onRedraw', 'restore']);
  });

  it('is drawn again when keys have moved it', () => {
    const { modes } = terminal();
    const { screen, written } = show({ shown: { terminal: modes, text: textOf(), keys: ['down'] } });
    expect(written).toHaveLength(1);
    expect(screen.release().keys).toEqual(['down']);
    screen.close();
  });

  it('Ctrl+Z stops the job', () => {
    const { modes, told } = terminal();
    const { screen, type } = show({ shown: { terminal: modes, text: textOf(), keys: [] } });
    type('\u001a');
    expect(told).toContain('suspend');
    screen.close();
  });
});

it('closes without a wizard: the terminal is as it was, and nothing keeps the process alive', () => {
  const { screen, calls, quiet } = show();
  screen.close();
  expect(calls.slice(-3)).toEqual(['cooked', 'pause', 'unref']);
  expect(quiet()).toBe(true);
});
