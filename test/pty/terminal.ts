import { writeFileSync } from 'node:fs';
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { type PictureOptions, svgToPng, terminalRows, terminalSvg } from '../../scripts/terminal-picture.ts';

/** Bytes of the keys that have no character. */
const KEYS = {
  up: '\u001b[A',
  down: '\u001b[B',
  right: '\u001b[C',
  left: '\u001b[D',
  pageup: '\u001b[5~',
  pagedown: '\u001b[6~',
  home: '\u001b[H',
  end: '\u001b[F',
  enter: '\r',
  escape: '\u001b',
  space: ' ',
  tab: '\t',
  'ctrl+c': '\u0003',
} as const;

export type Key = keyof typeof KEYS;

export interface TerminalOptions {
  command: string;
  args?: readonly string[];
  cwd?: string;
  /** Added to the environment; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>;
  columns?: number;
  rows?: number;
}

export interface TestTerminal {
  pid: number;
  /** Everything that the program wrote, escape sequences included. */
  output(): string;
  /** The rows of the screen without trailing spaces. */
  lines(): string[];
  text(): string;
  isAlternateScreen(): boolean;
  isCursorVisible(): boolean;
  /** Resolves as soon as the screen satisfies it; on timeout the error shows the screen. */
  until(wanted: string | RegExp | ((text: string) => boolean), timeoutMs?: number): Promise<void>;
  press(key: Key): void;
  /** Key by key, as a person types. */
  type(text: string): Promise<void>;
  /** In one write, as a paste or a fast typist over a slow line. */
  send(bytes: string): void;
  resize(columns: number, rows: number): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Closes the terminal under the program, as closing a window does. */
  hangUp(): void;
  /** What the program wrote last may not be on the screen: the kernel can drop it with the terminal. Keep a shell. */
  exited: Promise<{ exitCode: number; signal: number }>;
  svg(options?: PictureOptions): string;
  /** The rows of a frame of a picture that moves, see `animatedSvg`. */
  frame(options?: PictureOptions): string[];
  /** Writes a PNG to be looked at. */
  picture(path: string, options?: PictureOptions): void;
  close(): void;
}

/**
 * Starts a program on a pseudo-terminal whose screen is kept by a terminal emulator, so that tests read what a person
 * would see and not the bytes that led there.
 */
export function openTerminal(options: TerminalOptions): TestTerminal {
  const { columns = 80, rows = 24 } = options;
  const screen = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1000 });
  const pty = spawn(options.command, [...(options.args ?? [])], {
    name: options.env?.['TERM'] ?? 'xterm-256color',
    cols: columns,
    rows,
    cwd: options.cwd ?? process.cwd(),
    env: terminalEnvironment(options.env ?? {}),
  });
  let output = '';
  let isOpen = true;
  let hasExited = false;
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watcher of [...watchers]) watcher();
  };
  pty.onData((data) => {
    output += data;
    screen.write(data, notify);
  });
  screen.onData((answer) => {
    if (isOpen && !hasExited) pty.write(answer);
  });
  const exited = new Promise<{ exitCode: number; signal: number }>((resolve) => {
    pty.onExit(({ exitCode, signal }) => {
      hasExited = true;
      // What was written last is on the screen before anybody is told of the end.
      screen.write('', () => {
        resolve({ exitCode, signal: signal ?? 0 });
        notify();
      });
    });
  });

  const lines = () => {
    const { active } = screen.buffer;
    return Array.from({ length: screen.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true, 0, screen.cols) ?? '').trimEnd(),
    );
  };
  const text = () => lines().join('\n');

  function until(wanted: string | RegExp | ((text: string) => boolean), timeoutMs = 60_000): Promise<void> {
    const isThere = () => {
      // Between the marks of a synchronized update the screen is half the old and half the new frame.
      if (output.lastIndexOf('\u001b[?2026h') > output.lastIndexOf('\u001b[?2026l')) return false;
      if (typeof wanted === 'function') return wanted(text());
      return typeof wanted === 'string' ? text().includes(wanted) : wanted.test(text());
    };
    return new Promise((resolve, reject) => {
      const end = (error?: Error) => {
        clearTimeout(timer);
        watchers.delete(check);
        if (error) reject(error);
        else resolve();
      };
      const failure = (why: string) => new Error(`${why}: ${wanted}\n${frameOf(lines(), screen.cols)}`);
      const check = () => {
        if (isThere()) end();
        else if (hasExited) end(failure('The program ended before the screen showed'));
      };
      const timer = setTimeout(() => end(failure(`Not on the screen after ${timeoutMs} ms`)), timeoutMs);
      watchers.add(check);
      check();
    });
  }

  /** Resolves when everything that arrived so far is on the screen. */
  const settled = () => new Promise<void>((resolve) => screen.write('', resolve));

  return {
    pid: pty.pid,
    output: () => output,
    lines,
    text,
    isAlternateScreen: () => screen.buffer.active.type === 'alternate',
    isCursorVisible: () => output.lastIndexOf('\u001b[?25h') >= output.lastIndexOf('\u001b[?25l'),
    until,
    press: (key) => pty.write(KEYS[key]),
    async type(characters) {
      for (const character of characters) {
        pty.write(character);
        await settled();
      }
    },
    send: (bytes) => pty.write(bytes),
    async resize(newColumns, newRows) {
      screen.resize(newColumns, newRows);
      pty.resize(newColumns, newRows);
      await settled();
    },
    kill: (signal) => pty.kill(signal),
    hangUp() {
      isOpen = false;
      // The type does not tell of it: on POSIX it closes the master side, and the kernel sends SIGHUP.
      (pty as unknown as { destroy(): void }).destroy();
    },
    exited,
    svg: (picture) => terminalSvg(screen, picture),
    frame: (picture) => terminalRows(screen, picture),
    picture(path, picture) {
      writeFileSync(path, svgToPng(terminalSvg(screen, picture)));
    },
    close() {
      isOpen = false;
      if (!hasExited) pty.kill('SIGKILL');
      screen.dispose();
    },
  };
}

/** As a person's terminal, whatever runs the tests: no CI, colours, a locale with UTF-8. */
function terminalEnvironment(changes: Record<string, string | undefined>): Record<string, string> {
  const given: Record<string, string | undefined> = {
    ...process.env,
    CI: 'false',
    CONTINUOUS_INTEGRATION: undefined,
    NO_COLOR: undefined,
    FORCE_COLOR: '1',
    TERM: 'xterm-256color',
    LC_ALL: 'C.UTF-8',
    NODE_ENV: undefined,
    VITEST: undefined,
    ...changes,
  };
  const present = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(present);
}

function frameOf(lines: readonly string[], columns: number): string {
  const rule = `+${'-'.repeat(columns)}+`;
  return [rule, ...lines.map((line) => `|${line.padEnd(columns)}|`), rule].join('\n');
}
