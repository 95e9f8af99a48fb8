import { pressed } from '../../../screens/layout/pressed.ts';
import { withOwnCommand } from '../../support/own-command.ts';
import { STOP_SIGNALS } from '../../support/stop-signals.ts';
import type { KeyName } from '../../wizard/keys.ts';
import { reduce } from '../../wizard/reduce.ts';
import type { LeftState, WizardEvent, WizardState } from '../../wizard/state.ts';
import { hasUnicode, toAscii } from '../ascii.ts';
import { farewellLines } from '../farewell.ts';
import type { FirstScreen } from '../terminal/first-screen.ts';
import { hasStyles } from '../terminal/styles.ts';
import { type TerminalModes, terminalModes } from '../terminal/terminal-modes.ts';
import { themeOf } from '../terminal/theme.ts';
import { frameRows } from './frame.tsx';
import { readKeys } from './key-bytes.ts';

const HOME_AND_ERASE = '\u001b[H\u001b[2J';
/** How long an escape waits for the rest of a sequence, as in Ink. */
const ESCAPE_MS = 20;
const NO_LOG = { version: 0, lines: [], hiddenCount: 0 };

export interface FirstScreenOptions {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  env: NodeJS.ProcessEnv;
  homeDir: string;
  /** The state that the wizard will probably start with; `loading` when a quick look cannot tell. */
  begin: WizardState;
  /** The user left before the wizard existed: nothing is running, and the terminal is restored. */
  onLeave: (exitCode: number) => void;
  /** The terminal is already set up and shows this frame. */
  shown?: ShownFrame;
}

/** A prerendered frame on the terminal, and the keys that it has handled. */
export interface ShownFrame {
  terminal: TerminalModes;
  text: string;
  keys: readonly KeyName[];
}

/**
 * Draws the first screen with the same components as Ink, and reads keys, before Ink is loaded. Keys go
 * through the wizard's reducer, so the screen responds; the wizard replays them when it takes over.
 * @throws when the screen cannot be drawn without Ink; the terminal is untouched in that case.
 */
export function showFirstScreen(options: FirstScreenOptions): FirstScreen {
  const { stdin, stdout, env, homeDir, begin, onLeave, shown } = options;
  const guess = begin.screen === 'loading' ? null : begin;
  const isUnicode = hasUnicode(env);
  const style = hasStyles(env);
  const theme = themeOf(env, homeDir);
  const terminal = shown?.terminal ?? terminalModes({ stdin, stdout, env });
  const keys: KeyName[] = [];
  let state = begin;
  let rest = '';
  let escapeTimer: NodeJS.Timeout | undefined;
  let drawnSize = '';

  const size = () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  const frame = (): string => {
    const { columns, rows } = size();
    drawnSize = `${columns}x${rows}`;
    const text = frameRows(state, { columns, rows }, theme, style, NO_LOG).join('\r\n');
    return isUnicode ? text : toAscii(text);
  };
  const redraw = (): void => {
    stdout.write(`${HOME_AND_ERASE}${frame()}`);
  };

  const press = (name: KeyName): void => {
    if (name === 'ctrl+z') terminal.suspend();
    if (name === 'ctrl+l') redraw();
    const event = eventOf(name);
    if (event !== null) happen(event);
    keep(name, event);
  };
  const eventOf = (name: KeyName) =>
    pressed(state, name, { size: size(), log: NO_LOG, homeDir, nowMs: Date.now() });
  const keep = (name: KeyName, event: WizardEvent | null): void => {
    // There is no question yet; the wizard interprets the key later.
    if (event !== null || guess === null) keys.push(name);
  };
  const happen = (event: WizardEvent): void => {
    const { next } = reduce(state, event);
    state = next;
    if (next.screen === 'left') leave(next);
    else redraw();
  };
  // Not 'data': a flowing stream would only pause after Ink has started to read.
  const onReadable = (): void => {
    let data = '';
    for (let chunk = stdin.read(); chunk !== null; chunk = stdin.read()) data += String(chunk);
    if (data === '') return;
    clearTimeout(escapeTimer);
    const read = readKeys(rest + data);
    rest = read.rest;
    for (const key of read.keys) if (state.screen !== 'left') press(key);
    if (rest === '\u001b') escapeTimer = setTimeout(onLoneEscape, ESCAPE_MS);
  };
  const onLoneEscape = (): void => {
    rest = '';
    press('escape');
  };
  const onEnd = (): void => happen({ type: 'terminated' });

  const leave = ({ exitCode, farewell }: LeftState): void => {
    stop();
    terminal.restore();
    const { columns } = size();
    const lines = farewellLines(farewell, { homeDir, columns, env, paint: (_tone, text) => text });
    for (const line of lines) stdout.write(`${withOwnCommand(line)}\n`);
    onLeave(exitCode);
  };
  const stop = (): void => {
    clearTimeout(escapeTimer);
    stdin.off('readable', onReadable);
    stdin.off('end', onEnd);
    stdin.off('error', onEnd);
    stdout.off('error', onEnd);
    stdout.off('resize', redraw);
    for (const signal of STOP_SIGNALS) process.off(signal, onEnd);
  };

  for (const name of shown?.keys ?? []) {
    const event = eventOf(name);
    if (event !== null) state = reduce(state, event).next;
    keep(name, event);
  }
  const first = frame();
  // Before the terminal changes: a user who sees the screen may end the program at once.
  for (const signal of STOP_SIGNALS) process.on(signal, onEnd);
  if (shown) {
    if (first !== shown.text) redraw();
  } else {
    stdin.setEncoding('utf8');
    terminal.takeInput();
    terminal.showScreen(first);
  }
  terminal.onRedraw(redraw);
  stdin.on('readable', onReadable);
  stdin.on('end', onEnd);
  // A closed terminal reports EIO.
  stdin.on('error', onEnd);
  stdout.on('error', onEnd);
  stdout.on('resize', redraw);

  return {
    terminal,
    guess,
    release() {
      stop();
      if (rest !== '') stdin.unshift(rest, 'utf8');
      const { columns, rows } = size();
      return { keys, isStale: drawnSize !== `${columns}x${rows}` };
    },
    close() {
      stop();
      terminal.restore();
      stdin.pause();
      stdin.unref();
    },
  };
}
