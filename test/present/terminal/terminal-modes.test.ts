import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { terminalModes } from '../../../src/present/terminal/terminal-modes.ts';
import { keepWarnings } from '../../../src/present/terminal/warnings.ts';

const ENTER = '\u001b[?1049h\u001b[H\u001b[2J\u001b[?25l';
const LEAVE = '\u001b[?1049l\u001b[?25h';
const PASTE_ON = '\u001b[?2004h';
const PASTE_OFF = '\u001b[?2004l';
const TITLE = '\u001b[22;2t\u001b]2;ktx\u0007';
const NO_TITLE = '\u001b[23;2t';
const STOP_REFUSED_MS = 200;

/** What happens to a terminal, in order. */
let happened: string[];
let isGone: boolean;
let killed: [number, string][];
const WATCHED = ['SIGTSTP', 'SIGCONT', 'exit', 'uncaughtExceptionMonitor', 'warning'] as const;
const listeners = () => WATCHED.map((name) => process.listenerCount(name));
let before: number[];

beforeEach(() => {
  happened = [];
  killed = [];
  isGone = false;
  before = listeners();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(process, 'kill').mockImplementation((pid, signal) => {
    killed.push([pid, String(signal)]);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  // Nothing of a test may stay in the process.
  expect(listeners()).toEqual(before);
});

function terminal(env: NodeJS.ProcessEnv = { TERM: 'xterm' }) {
  const stdin = Object.assign(new EventEmitter(), {
    setRawMode: (isRaw: boolean) => {
      if (isGone) throw new Error('EIO');
      happened.push(isRaw ? 'raw' : 'cooked');
    },
    resume: () => void happened.push('resume'),
    pause: () => void happened.push('pause'),
  });
  const stdout = { write: (text: string) => happened.push(text) };
  return terminalModes({ stdin: stdin as never, stdout: stdout as never, env });
}

/** One that shows a screen, whose beginning is not of interest. */
function shown(env?: NodeJS.ProcessEnv) {
  const modes = terminal(env);
  modes.takeInput();
  modes.showScreen('frame');
  modes.onRedraw(() => void happened.push('redraw'));
  happened.splice(0);
  return modes;
}

const stopped = (title = '') => [`${title}${PASTE_OFF}${LEAVE}`, 'cooked'];
const back = (title = '') => ['cooked', 'raw', PASTE_ON, `${ENTER}${title}`, 'redraw'];

it('takes the input before the screen, and gives all back once', () => {
  const modes = terminal();
  modes.takeInput();
  modes.showScreen('frame');
  modes.restore();
  modes.restore();
  expect(happened).toEqual(['raw', PASTE_ON, `${ENTER}frame`, ...stopped()]);
});

it('without a screen leaves none', () => {
  const modes = terminal();
  modes.repaint();
  modes.ring();
  modes.signal({ title: 'ktx' });
  modes.restore();
  modes.takeInput();
  modes.restore();
  expect(happened).toEqual(['raw', PASTE_ON, PASTE_OFF, 'cooked']);
});

it('a screen without a frame is empty', () => {
  const modes = terminal();
  modes.takeInput();
  modes.showScreen();
  expect(happened.at(-1)).toBe(ENTER);
  modes.restore();
});

test.each(['exit', 'uncaughtExceptionMonitor'] as const)(
  'is given back when the process ends: %s',
  (name) => {
    const modes = shown();
    const [own] = process.listeners(name as 'exit').slice(before[WATCHED.indexOf(name)]);
    (own as () => void)();
    expect(happened).toEqual(stopped());
    modes.restore();
  },
);

it('a terminal that is gone has no mode to set', () => {
  const modes = shown();
  isGone = true;
  modes.restore();
  expect(happened).toEqual([`${PASTE_OFF}${LEAVE}`]);
});

it('redraws after others wrote, rings, and shows title and progress once', () => {
  const modes = shown();
  modes.repaint();
  modes.ring();
  modes.signal({ title: 'ktx' });
  modes.signal({ title: 'ktx' });
  modes.restore();
  expect(happened).toEqual(['redraw', '\u0007', TITLE, ...stopped(NO_TITLE)]);
});

describe.skipIf(process.platform === 'win32')('job control', () => {
  it('Ctrl+Z stops the whole job, and fg brings screen, title and keys back', () => {
    const modes = shown();
    modes.signal({ title: 'ktx' });
    happened.splice(0);
    modes.suspend();
    expect(killed).toEqual([[0, 'SIGTSTP']]);
    expect(happened).toEqual(stopped(NO_TITLE));
    // Meanwhile, nothing is written to what belongs to the shell.
    modes.signal({ title: 'other' });
    modes.suspend();
    expect(killed).toHaveLength(1);
    happened.splice(0);
    process.emit('SIGCONT');
    expect(happened).toEqual(back(TITLE));
    vi.advanceTimersByTime(STOP_REFUSED_MS);
    expect(happened).toHaveLength(5);
    modes.restore();
  });

  it('before the screen is shown only the keys come back', () => {
    const modes = terminal();
    modes.takeInput();
    happened.splice(0);
    modes.suspend();
    process.emit('SIGCONT');
    expect(happened).toEqual([PASTE_OFF, 'cooked', 'cooked', 'raw', PASTE_ON]);
    modes.restore();
  });

  it('a stop from outside stops this process alone', () => {
    const modes = shown();
    process.emit('SIGTSTP');
    expect(killed).toEqual([[process.pid, 'SIGTSTP']]);
    process.emit('SIGCONT');
    // It hears the next one too.
    process.emit('SIGTSTP');
    expect(killed).toHaveLength(2);
    process.emit('SIGCONT');
    modes.restore();
  });

  it('a stop that the kernel refuses is taken back after a moment', () => {
    const modes = shown();
    modes.suspend();
    happened.splice(0);
    vi.advanceTimersByTime(STOP_REFUSED_MS - 1);
    expect(happened).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(happened).toEqual(back());
    modes.restore();
  });

  it('a process that ends while it is stopped takes nothing back', () => {
    const modes = shown();
    modes.suspend();
    modes.restore();
    happened.splice(0);
    vi.advanceTimersByTime(STOP_REFUSED_MS);
    expect(happened).toEqual([]);
  });
});

describe('lending the terminal', () => {
  it('gives the borrower modes, keys and Ctrl+Z, and takes them back', async () => {
    const modes = shown();
    const during = modes.lend(async () => {
      happened.push('work');
      return listeners().slice(0, 2);
    });
    expect(await during).toEqual(before.slice(0, 2));
    expect(happened).toEqual([...stopped(), 'resume', 'pause', 'work', ...back()]);
    expect(listeners().slice(0, 2)).toEqual(before.slice(0, 2).map((count) => count + 1));
    modes.restore();
  });

  it('takes them back when the work fails', async () => {
    const modes = shown();
    await expect(modes.lend(async () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(happened.slice(-5)).toEqual(back());
    modes.restore();
  });
});

it('holds back warnings while the screen is shown, and prints them afterwards', () => {
  const printed: string[] = [];
  const printer = (warning: Error) => void printed.push(warning.message);
  process.on('warning', printer);
  const kept = keepWarnings();
  process.emit('warning', new Error('first'));
  expect(printed).toEqual([]);
  kept.release();
  expect(printed).toEqual(['first']);
  process.emit('warning', new Error('second'));
  expect(printed).toEqual(['first', 'second']);
  process.off('warning', printer);
});
