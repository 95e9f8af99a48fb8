import { Console } from 'node:console';
import { EventEmitter } from 'node:events';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import xterm from '@xterm/headless';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SetupEvent } from '../../src/core/events.ts';
import { runWizard } from '../../src/present/ink/run-wizard.tsx';
import { keepYoungHeapSmall } from '../../src/present/ink/young-heap.ts';
import type { FirstScreen } from '../../src/present/terminal/first-screen.ts';
import { terminalModes } from '../../src/present/terminal/terminal-modes.ts';
import type { RunWizardOptions } from '../../src/present/wizard-options.ts';
import { CancelledError } from '../../src/support/errors.ts';
import type { PlanOutcome, WizardFunctions } from '../../src/wizard/functions.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import { PATIENT } from '../fixtures/patient.ts';
import { STATES } from '../fixtures/screen-states.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { READY_OVERVIEW, REPORT, START_MS } from '../fixtures/wizard-states.ts';
import { DEMO_CHECKS, DEMO_OVERVIEW, DEMO_PLAN, DEMO_RESULT } from '../pty/demo-data.ts';
import { demoAnswer } from '../pty/demo-panels.ts';

vi.mock('../../src/present/ink/young-heap.ts', () => ({ keepYoungHeapSmall: vi.fn() }));
// vitest puts a console of its own in place, without the constructor that Ink asks for.
console.Console ??= Console;

const ENTER = '\u001b[?1049h\u001b[H\u001b[2J\u001b[?25l';
const LEAVE = '\u001b[?1049l\u001b[?25h';
const HOME = '\u001b[H';
const HOME_AND_ERASE = '\u001b[H\u001b[2J';
const WARNING = 'huggingface.acme.internal: could not be checked: offline';
const DOWN = '\u001b[B';
/** Without the signals that Ink goes on listening to. */
const WATCHED = ['SIGTSTP', 'SIGCONT', 'exit'] as const;
const listeners = () => WATCHED.map((name) => process.listenerCount(name));
let before: number[];
beforeEach(() => {
  vi.mocked(keepYoungHeapSmall).mockClear();
  before = listeners();
});
afterEach(() => {
  expect(listeners()).toEqual(before);
});

const INSTALL: PlanOutcome = { status: 'install', summary: DEMO_PLAN };
const FUNCTIONS: WizardFunctions = {
  readOverview: async () => DEMO_OVERVIEW,
  plan: async () => INSTALL,
  execute: async () => DEMO_RESULT,
  discard: async () => {},
  runChecks: async () => [...DEMO_CHECKS],
  readUndoTarget: async () => null,
  undo: () => Promise.reject(new Error('not asked for')),
  planRepair: () => Promise.reject(new Error('not asked for')),
  repair: () => Promise.reject(new Error('not asked for')),
  undoRepair: () => Promise.reject(new Error('not asked for')),
  runPanel: async (effect) => demoAnswer(effect),
  reportFailure: async (error) => ({ ...REPORT, title: (error as Error).message }),
};

/** The wizard on a terminal of the test's own: what is on it, and what was written to it. */
function onTerminal(
  change: {
    functions?: Partial<WizardFunctions>;
    env?: NodeJS.ProcessEnv;
    first?: { guess: WizardState | null; keys: string[]; isStale?: boolean };
    options?: Partial<RunWizardOptions>;
  } = {},
) {
  const screen = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true, convertEol: true });
  const written: string[] = [];
  const rawModes: boolean[] = [];
  const hooks = new Set<() => void>();
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode(isRaw: boolean) {
      rawModes.push(isRaw);
      stdin.isRaw = isRaw;
      return stdin;
    },
    ref: () => stdin,
    unref: () => stdin,
  });
  const stdout = Object.assign(new EventEmitter(), {
    columns: 80,
    rows: 24,
    isTTY: true,
    writable: true,
    write(data: string, whenDone?: () => void) {
      written.push(data);
      screen.write(data, () => {
        for (const hook of hooks) hook();
      });
      if (whenDone) queueMicrotask(whenDone);
      return true;
    },
  });
  const io = { stdin: stdin as never, stdout: stdout as never };
  const env = { TERM: 'xterm-256color', LANG: 'C.UTF-8', NO_COLOR: '1', ...change.env };
  const released = vi.fn();
  let firstScreen: FirstScreen | undefined;
  if (change.first) {
    const { guess, keys, isStale = false } = change.first;
    const terminal = terminalModes({ ...io, env });
    terminal.takeInput();
    terminal.showScreen();
    written.splice(0);
    const release = () => {
      released();
      return { keys, isStale };
    };
    firstScreen = { terminal, guess, release, close: () => {} };
  }
  const exitCode = runWizard({
    setup: { cliVersion: '0.3.0', homeDir: '/home/ada', env },
    functions: { ...FUNCTIONS, ...change.functions },
    io,
    firstScreen,
    ...change.options,
  });
  exitCode.catch(() => {});
  const text = (): string => {
    const { active } = screen.buffer;
    return Array.from({ length: 24 }, (_, row) =>
      (active.getLine(active.baseY + row)?.translateToString(true) ?? '').trimEnd(),
    ).join('\n');
  };
  /** Resolves when these words are on the screen. */
  const shows = (words: string): Promise<string> =>
    new Promise((resolve) => {
      const look = () => {
        if (!text().includes(words)) return;
        hooks.delete(look);
        resolve(text());
      };
      hooks.add(look);
      look();
    });
  const type = (bytes: string) => void stdin.write(bytes);
  return { exitCode, written, rawModes, stdin, stdout, text, shows, type, released };
}

const said = (body: object): SetupEvent => ({ at: new Date(START_MS).toISOString(), ...body }) as SetupEvent;

describe('the whole way', () => {
  it('installs, shows the log, and leaves a summary on the normal screen', async () => {
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    const seen: number[] = [];
    const execute: WizardFunctions['execute'] = async (_plan, { onEvent }) => {
      onEvent?.(said({ type: 'step', step: 'fetch', status: 'started' }));
      seen.push(vi.mocked(keepYoungHeapSmall).mock.calls.length);
      onEvent?.(said({ type: 'lines', step: 'fetch', stream: 'stdout', lines: ['a line of uv'] }));
      onEvent?.(said({ type: 'step', step: 'fetch', status: 'finished', durationMs: 1 }));
      await promise;
      return DEMO_RESULT;
    };
    const { exitCode, written, rawModes, shows, type } = onTerminal({ functions: { execute } });
    await shows('about 27 MB');
    expect(written.slice(0, 2)).toEqual(['\u001b[?2004h', ENTER]);
    type('\r');
    await shows('What will happen');
    type('\r');
    // The step has ended: its lines are there at once.
    await shows('a line of uv');
    goOn();
    await shows('12 checks');
    type('\r');
    expect(await exitCode).toBe(0);
    expect(seen).toEqual([1]);
    expect(keepYoungHeapSmall).toHaveBeenCalledTimes(1);
    expect(rawModes.at(-1)).toBe(false);
    const left = written.findIndex((data) => data.includes(LEAVE));
    const after = written.slice(left + 1).join('');
    expect(after).toMatch(/^✓ ktx 0\.3\.0 is ready: core, local embeddings/);
    expect(after).toContain('\n  next     ');
    expect(after).not.toContain('\u001b');
    expect(after.endsWith('\n')).toBe(true);
  });

  it('colours the summary where colours are wanted', async () => {
    const coloured = onTerminal({
      env: { NO_COLOR: '' },
      functions: { readOverview: async () => READY_OVERVIEW },
    });
    await coloured.shows('Check that it works');
    coloured.type('\r');
    await coloured.shows('12 checks');
    coloured.type('q');
    expect(await coloured.exitCode).toBe(0);
    expect(coloured.written.at(-1)).toBe(`\u001b[33m!\u001b[39m ${WARNING}\n`);
  });

  it('without UTF-8 draws, names and says all of it in ASCII', async () => {
    const { exitCode, written, shows, type } = onTerminal({
      env: { LANG: 'C', LC_ALL: 'C' },
      functions: { readOverview: async () => READY_OVERVIEW },
    });
    await shows('Check that it works');
    type('\r');
    await shows('12 checks');
    type('\r');
    await exitCode;
    expect(written.join('')).toMatch(/^[\u0007\u001b\r\n -~]*$/);
    expect(written.join('')).toContain('\u001b]2;ktx setup - checked\u0007');
    expect(written.at(-1)).toBe(`! ${WARNING}\n`);
  });
});

it('names the window for what goes on, and gives the name back', async () => {
  const { exitCode, written, shows, type } = onTerminal({ options: { initialFeature: 'local-embeddings' } });
  await shows('about 27 MB');
  type('\r');
  await shows('What will happen');
  type('q');
  expect(await exitCode).toBe(0);
  const titles = written.join('').match(/\u001b\]2;[^\u0007]*|\u001b\[2[23];2t/g);
  expect(titles).toEqual([
    '\u001b[22;2t',
    '\u001b]2;ktx setup',
    '\u001b]2;ktx setup · planning',
    '\u001b]2;ktx setup · plan',
    '\u001b]2;ktx setup',
    '\u001b[23;2t',
  ]);
});

it('rings when an installation that took long has ended', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START_MS });
  const { exitCode, written, shows, type } = onTerminal({
    functions: {
      execute: async () => {
        vi.setSystemTime(START_MS + 10_000);
        return DEMO_RESULT;
      },
    },
  });
  await shows('about 27 MB');
  type('\r');
  await shows('What will happen');
  expect(written).not.toContain('\u0007');
  type('\r');
  await shows('12 checks');
  vi.useRealTimers();
  expect(written.filter((data) => data === '\u0007')).toHaveLength(1);
  type('q');
  await exitCode;
});

describe('while nothing is known yet', () => {
  it('an empty screen comes after a moment, and the answer takes its place', async () => {
    const { promise, resolve } = Promise.withResolvers<typeof DEMO_OVERVIEW>();
    const { exitCode, shows, type } = onTerminal({ functions: { readOverview: () => promise } });
    await shows('Checking what is already installed');
    // It waits for its question.
    type(DOWN);
    resolve(DEMO_OVERVIEW);
    await shows('› ◉ Core + local');
    type('q');
    expect(await exitCode).toBe(0);
  });

  it('with a first screen on the terminal there is no empty one between', async () => {
    const { promise, resolve } = Promise.withResolvers<typeof DEMO_OVERVIEW>();
    const first = { guess: STATES['features']!, keys: [] };
    const { exitCode, written, shows, type, released } = onTerminal({
      first,
      functions: { readOverview: () => promise },
    });
    await new Promise((done) => setTimeout(done, 300));
    expect(written).toEqual([]);
    expect(released).not.toHaveBeenCalled();
    resolve(DEMO_OVERVIEW);
    await shows('about 27 MB');
    type('q');
    await exitCode;
  });
});

describe('a first screen that is taken over', () => {
  const answer = async (overview: typeof DEMO_OVERVIEW, first: Parameters<typeof onTerminal>[0]) => {
    const run = onTerminal({ ...first, functions: { readOverview: async () => overview } });
    await run.shows('enter');
    const text = run.text();
    run.type('q');
    expect(await run.exitCode).toBe(0);
    expect(run.released).toHaveBeenCalledTimes(1);
    return { text, begin: run.written[0] };
  };
  const [features, ready] = [STATES['features']!, STATES['ready']!];
  const oneOffer = {
    ...DEMO_OVERVIEW,
    offers: DEMO_OVERVIEW.offers.map((offer, index) => ({
      ...offer,
      unavailableReason: index === 0 ? null : 'no',
    })),
  };
  const noOlder = { ...READY_OVERVIEW, otherRuntimes: [] };

  it.each<
    [string, typeof DEMO_OVERVIEW, NonNullable<Parameters<typeof onTerminal>[0]>['first'], RegExp, string]
  >([
    [
      'the same question: its keys count',
      DEMO_OVERVIEW,
      { guess: features, keys: ['down'] },
      /› . Core \+/,
      HOME,
    ],
    [
      'another size: all is drawn again',
      DEMO_OVERVIEW,
      { guess: features, keys: ['down'], isStale: true },
      /› . Core \+/,
      HOME_AND_ERASE,
    ],
    [
      'no question yet: its keys count',
      DEMO_OVERVIEW,
      { guess: null, keys: ['down'] },
      /› . Core \+/,
      HOME_AND_ERASE,
    ],
    [
      'other answers: no key counts',
      oneOffer,
      { guess: features, keys: ['down', 'enter'] },
      /. Core/,
      HOME_AND_ERASE,
    ],
    [
      'another answer chosen',
      DEMO_OVERVIEW,
      { guess: { ...features, feature: 'local-embeddings' } as WizardState, keys: ['up', 'enter'] },
      /› . Core\n?/,
      HOME_AND_ERASE,
    ],
    ['another screen', DEMO_OVERVIEW, { guess: ready, keys: ['down'] }, /› . Core\b(?! \+)/, HOME_AND_ERASE],
    ['the same menu', READY_OVERVIEW, { guess: ready, keys: ['down'] }, /› Find and repair/, HOME],
    ['a shorter menu', noOlder, { guess: ready, keys: ['down'] }, /› Check that/, HOME_AND_ERASE],
  ])('%s', async (_what, overview, first, shown, begin) => {
    const found = await answer(overview, { first });
    expect(found.text).toMatch(shown);
    expect(found.begin).toBe(begin);
  });

  it('by a key that leaves draws nothing more', async () => {
    const { exitCode, written } = onTerminal({ first: { guess: STATES['features']!, keys: ['q', 'down'] } });
    expect(await exitCode).toBe(0);
    expect(written.join('')).not.toContain('Core');
  });

  it('of a wizard that was stopped meanwhile is only taken away', async () => {
    const { exitCode, written, stdin } = onTerminal({
      first: { guess: STATES['features']!, keys: ['down'] },
    });
    stdin.emit('end');
    expect(await exitCode).toBe(130);
    expect(written.join('')).not.toContain('Core');
    expect(written.join('')).toContain(LEAVE);
  });
});

describe('the log of a run that was stopped', () => {
  const stopped = async (root: string) => {
    const runtimeRoot = join(root, 'runtime');
    const { exitCode, written, shows, type } = onTerminal({
      functions: {
        readOverview: async () => ({ ...DEMO_OVERVIEW, runtimeRoot }),
        execute: (_plan, { signal }) =>
          new Promise((_resolve, reject) =>
            signal?.addEventListener('abort', () => reject(new CancelledError())),
          ),
      },
    });
    await shows('about 27 MB');
    type('\r');
    await shows('What will happen');
    type('\r');
    await shows('ctrl+c');
    type('\u0003');
    await shows('Stop the installation?');
    type('y');
    expect(await exitCode).toBe(130);
    return written.slice(written.findIndex((data) => data.includes(LEAVE)) + 1).join('');
  };
  const withLog = async (atMs: number) => {
    const root = await temporaryFolder();
    const path = join(root, 'runtime', '0.3.0', 'install.log');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '');
    await utimes(path, atMs / 1000, atMs / 1000);
    return { root, path };
  };
  const LAST = '  next     ktx setup\n';

  it('is named when this run has written it', async () => {
    const { root, path } = await withLog(Date.now());
    expect(await stopped(root)).toBe(`Setup cancelled. Nothing was changed.\n  log      ${path}\n${LAST}`);
  });
  it('is not when it is from an earlier run', async () => {
    const { root } = await withLog(START_MS);
    expect(await stopped(root)).toBe(`Setup cancelled. Nothing was changed.\n${LAST}`);
  });
  it('is not when there is none', async () => {
    expect(await stopped(await temporaryFolder())).toBe(`Setup cancelled. Nothing was changed.\n${LAST}`);
  });
});

it('lends the terminal to an editor, and draws the screen again', async () => {
  let during: { modes: boolean | undefined; last: string | undefined } | undefined;
  const run = onTerminal({
    options: { hasProject: true },
    functions: {
      readOverview: async () => READY_OVERVIEW,
      runPanel: async (effect, { lendTerminal }) => {
        if (effect.type !== 'edit-host') return demoAnswer(effect);
        const answer = await lendTerminal(async () => {
          during = { modes: run.rawModes.at(-1), last: run.written.at(-1) };
          return demoAnswer(effect);
        });
        return answer;
      },
    },
  });
  await run.shows('Check that it works');
  run.type(DOWN.repeat(8));
  await run.shows('› Model host');
  run.type('\r');
  await run.shows('qwen-4b');
  run.type('\r');
  await run.shows('This is what changes');
  expect(during?.modes).toBe(false);
  const lent = run.written.findIndex((data) => data.includes(LEAVE));
  expect(run.written.slice(lent + 1).join('')).toContain(ENTER);
  run.type('\u0003');
  await run.exitCode;
});

it('Ctrl+L draws all of the screen again', async () => {
  const { exitCode, written, shows, type, text } = onTerminal();
  await shows('about 27 MB');
  const shown = text();
  written.splice(0);
  type('\u000c');
  await vi.waitFor(() => expect(written).toContain(HOME_AND_ERASE), PATIENT);
  await shows('about 27 MB');
  expect(text()).toBe(shown);
  type('q');
  await exitCode;
});

it('a screen that cannot be drawn ends all, and the terminal is restored', async () => {
  const { exitCode, written, rawModes } = onTerminal({
    functions: { readOverview: async () => ({ ...DEMO_OVERVIEW, here: null as never }) },
  });
  await expect(exitCode).rejects.toThrow(TypeError);
  expect(written.join('')).toContain(LEAVE);
  expect(rawModes.at(-1)).toBe(false);
});
