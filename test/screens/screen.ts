import { Console } from 'node:console';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import xterm from '@xterm/headless';
import { mountApp } from '../../src/present/ink/mount.tsx';
import type { LogSnapshot } from '../../src/present/log-store.ts';
import type { Command, WizardState } from '../../src/wizard/state.ts';

// vitest puts a console of its own in place, without the constructor that Ink asks for.
console.Console ??= Console;

export interface Screen {
  lines(): string[];
  text(): string;
  /** Rows that scrolled out of the screen: a frame was too tall. */
  lostRows(): number;
  show(state: WizardState): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** Keys as bytes; what the screen made of all of them so far. */
  type(bytes: string): Promise<Command[]>;
  close(): void;
}

export interface ScreenOptions {
  columns: number;
  rows: number;
  log?: LogSnapshot;
  hasColour?: boolean;
}

/** The screens on a terminal emulator, in this process: what a person would see, ghosts and overflow included. */
export async function openScreen(first: WizardState, options: ScreenOptions): Promise<Screen> {
  const { columns, rows, log = { version: 0, lines: [], hiddenCount: 0 }, hasColour = true } = options;
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
  let isWritten: Promise<void> = Promise.resolve();
  const stdout = Object.assign(new EventEmitter(), {
    columns,
    rows,
    isTTY: true,
    write(data: string, whenDone?: () => void) {
      isWritten = new Promise((resolve) => terminal.write(data, resolve));
      if (whenDone) queueMicrotask(whenDone);
      return true;
    },
  });
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: () => stdin,
    ref: () => stdin,
    unref: () => stdin,
  });
  let state = first;
  const listeners = new Set<() => void>();
  const commands: Command[] = [];
  const instance = mountApp(
    {
      wizard: {
        getSnapshot: () => state,
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        dispatch: (event) => {
          if (event.type === 'command') commands.push(event.command);
        },
      },
      logStore: { getSnapshot: () => log, subscribe: () => () => {} },
      theme: { hasColour, homeDir: '/home/ada' },
      now: Date.now,
    },
    { stdin: stdin as unknown as NodeJS.ReadStream, stdout: stdout as unknown as NodeJS.WriteStream },
  );
  const settle = async () => {
    await instance.waitUntilRenderFlush();
    await new Promise(setImmediate);
    await isWritten;
  };
  await settle();
  const lines = () => {
    const { active } = terminal.buffer;
    return Array.from({ length: terminal.rows }, (_, row) =>
      (active.getLine(active.baseY + row)?.translateToString(true, 0, terminal.cols) ?? '').trimEnd(),
    );
  };
  return {
    lines,
    text: () => lines().join('\n'),
    lostRows: () => terminal.buffer.active.baseY,
    async show(next) {
      state = next;
      for (const listener of listeners) listener();
      await settle();
    },
    async resize(newColumns, newRows) {
      terminal.resize(newColumns, newRows);
      Object.assign(stdout, { columns: newColumns, rows: newRows });
      stdout.emit('resize');
      await settle();
    },
    async type(bytes) {
      stdin.write(bytes);
      await new Promise(setImmediate);
      await settle();
      return [...commands];
    },
    close() {
      instance.unmount();
      instance.cleanup();
      terminal.dispose();
    },
  };
}
