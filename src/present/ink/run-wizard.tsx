import { styleText } from 'node:util';
import { pressed } from '../../../screens/layout/pressed.ts';
import { batchOfEvent } from '../../core/events.ts';
import { harmlessValue } from '../../support/harmless.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { withOwnCommand } from '../../support/own-command.ts';
import { STOP_SIGNALS } from '../../support/stop-signals.ts';
import { availableOffers, readyChoices } from '../../wizard/choices.ts';
import type { PlanOutcome } from '../../wizard/functions.ts';
import { logLines } from '../../wizard/log-lines.ts';
import { runWizardMachine, type Wizard } from '../../wizard/run-effects.ts';
import type { Farewell, LeftState, WizardState } from '../../wizard/state.ts';
import { asciiStream, hasUnicode, toAscii } from '../ascii.ts';
import { farewellLines, type Paint } from '../farewell.ts';
import { createLogStore } from '../log-store.ts';
import { personText } from '../person-text.ts';
import type { FirstScreen } from '../terminal/first-screen.ts';
import { hasStyles } from '../terminal/styles.ts';
import { type TerminalModes, terminalModes } from '../terminal/terminal-modes.ts';
import { themeOf } from '../terminal/theme.ts';
import { isWorthABell, wizardSignal } from '../terminal/wizard-signal.ts';
import type { RunWizardOptions } from '../wizard-options.ts';
import { keepYoungHeapSmall } from './young-heap.ts';

const HOME = '\u001b[H';
const HOME_AND_ERASE = '\u001b[H\u001b[2J';

/**
 * Runs the wizard on the terminal and resolves with the exit code when everything that it started has ended,
 * the terminal is restored, and the summary is on the normal screen.
 */
export async function runWizard<Plan extends PlanOutcome>(options: RunWizardOptions<Plan>): Promise<number> {
  const { stdin, stdout } = options.io ?? process;
  const env = options.setup.env ?? process.env;
  const homeDir = options.setup.homeDir ?? homeFolder();
  const logStore = createLogStore();
  const wizard = runWizardMachine({
    functions: options.functions,
    setup: options.setup,
    start: {
      feature: options.initialFeature,
      featureReason: options.featureReason,
      shouldForce: options.setup.shouldForce,
      hasProject: options.hasProject,
    },
    lendTerminal: (work) => lendTerminal(work),
    onInstallEvent: (event) => {
      if (event.type === 'step' && event.status === 'started') keepYoungHeapSmall();
      const batch = batchOfEvent(event);
      if (batch) logStore.appendBatch(batch);
      else logStore.append(logLines(event));
      if (event.type === 'step') logStore.flush();
    },
  });
  const terminate = () => wizard.dispatch({ type: 'terminated' });
  // A closed terminal reports EIO; without a listener that would end this process before its children.
  stdout.on('error', terminate);
  stdin.on('error', terminate);
  stdin.on('end', terminate);
  for (const signal of STOP_SIGNALS) process.on(signal, terminate);
  const { firstScreen } = options;
  const terminal = firstScreen?.terminal ?? terminalModes({ stdin, stdout, env });
  let lendTerminal = <T,>(work: () => Promise<T>): Promise<T> => work();
  // Before Ink is loaded: keys typed meanwhile are not echoed, and Enter stays Enter.
  if (!firstScreen) terminal.takeInput();
  const isUnicode = hasUnicode(env);
  const hasColour = !env['NO_COLOR'];
  let left: LeftState;
  try {
    left = await show();
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, terminate);
    stdin.off('error', terminate);
    stdin.off('end', terminate);
    terminal.restore();
    restoreInput(stdin);
  }
  const lines = farewellLines(harmlessValue(await withOwnLog(left.farewell), personText), {
    homeDir,
    columns: stdout.columns,
    shouldWrap: true,
    env,
    paint: hasColour ? painter(stdout) : (_tone, text) => text,
  });
  for (const line of lines)
    stdout.write(`${isUnicode ? withOwnCommand(line) : toAscii(withOwnCommand(line))}\n`);
  return left.exitCode;

  /**
   * Replays the keys of the first screen, if the wizard starts with the same screen: the user must not
   * confirm what they did not see.
   * @returns `false` when the user has left the wizard in the meantime.
   */
  function takeOver(first: FirstScreen): boolean {
    const { keys, isStale } = first.release();
    const begin = wizard.getSnapshot();
    if (begin.screen === 'left') return false;
    const isAsGuessed = first.guess === null || asksTheSame(first.guess, begin);
    const size = { columns: stdout.columns, rows: stdout.rows };
    for (const name of isAsGuessed ? keys : []) {
      const context = { size, log: logStore.getSnapshot(), homeDir, nowMs: Date.now() };
      const event = pressed(wizard.getSnapshot(), name, context);
      if (event) wizard.dispatch(event);
    }
    stdout.write(isAsGuessed && !isStale && first.guess !== null ? HOME : HOME_AND_ERASE);
    return wizard.getSnapshot().screen !== 'left';
  }

  async function show(): Promise<LeftState> {
    const { mountApp } = await import('./mount.tsx');
    await firstAnswer(wizard, firstScreen ? null : FIRST_ANSWER_MS);
    const theme = themeOf(env, homeDir);
    if (!firstScreen) terminal.showScreen();
    else if (!takeOver(firstScreen)) return wizard.finished;
    const instance = mountApp(
      { wizard, logStore, theme, terminal, now: Date.now },
      { stdin, stdout: isUnicode ? stdout : asciiStream(stdout), hasStyles: hasStyles(env) },
    );
    terminal.onRedraw(instance.redraw);
    const stopSignals = keepSignals(wizard, terminal, isUnicode);
    lendTerminal = (work) => instance.lend(() => terminal.lend(work));
    const exited = instance.waitUntilExit();
    // If a screen throws, the installation must not go on unattended.
    exited.catch(terminate);
    const state = await wizard.finished;
    stopSignals();
    terminal.onRedraw(() => {});
    instance.unmount();
    await exited;
    return state;
  }
}

/** Keeps the window's title and progress in sync with the wizard. @returns a function that stops it. */
function keepSignals(wizard: Wizard, terminal: TerminalModes, isUnicode: boolean): () => void {
  const send = (state: WizardState): void => {
    const signal = wizardSignal(state);
    terminal.signal(isUnicode ? signal : { ...signal, title: toAscii(signal.title) });
  };
  let before = wizard.getSnapshot();
  send(before);
  return wizard.subscribe(() => {
    const after = wizard.getSnapshot();
    send(after);
    if (isWorthABell(before, after)) terminal.ring();
    before = after;
  });
}

/** Whether keys mean the same in both states: the same question with the same answers. */
function asksTheSame(guess: WizardState, begin: WizardState): boolean {
  const asked = (state: WizardState): unknown => {
    if (state.screen === 'ready') return [state.screen, readyChoices(state).map(({ id }) => id)];
    if (state.screen !== 'features') return state.screen;
    return [state.screen, state.feature, availableOffers(state).map(({ feature }) => feature)];
  };
  return JSON.stringify(asked(guess)) === JSON.stringify(asked(begin));
}

/** Drops the log path when the run was stopped before it had a log. */
async function withOwnLog(farewell: Farewell): Promise<Farewell> {
  if (farewell.kind !== 'cancelled' || farewell.logPath === null) return farewell;
  const { ownInstallLog } = await import('../../log/install-log.ts');
  return { ...farewell, logPath: await ownInstallLog(farewell.logPath) };
}

/** How long an empty frame is delayed: the first screen's data is read while Ink loads. */
const FIRST_ANSWER_MS = 100;

/** Resolves when there is something to show, or after a short wait. */
function firstAnswer(
  wizard: Pick<Wizard, 'getSnapshot' | 'subscribe'>,
  limitMs: number | null,
): Promise<void> {
  const isLoading = (): boolean => wizard.getSnapshot().screen === 'loading';
  if (!isLoading()) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve();
    };
    const timer = limitMs === null ? undefined : setTimeout(end, limitMs);
    const unsubscribe = wizard.subscribe(() => {
      if (!isLoading()) end();
    });
  });
}

/** Ink leaves raw mode when it unmounts; if it never mounted, this does. */
function restoreInput(stdin: NodeJS.ReadStream): void {
  try {
    if (stdin.isRaw) stdin.setRawMode(false);
  } catch {
    // The terminal is gone: nothing to restore.
  }
  stdin.pause();
  stdin.unref();
}

function painter(stream: NodeJS.WriteStream): Paint {
  const format = { good: 'green', bad: 'red', warning: 'yellow', faint: 'dim', bold: 'bold' } as const;
  return (tone, text) => styleText(format[tone], text, { stream });
}
