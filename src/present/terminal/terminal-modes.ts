import { BELL, createSignals, signalTraits, type TerminalSignal } from './signals.ts';
import { keepWarnings } from './warnings.ts';

/** Alternate screen, home, erase, no cursor. The alternate screen takes over the cursor of the normal one. */
const ENTER = '\u001b[?1049h\u001b[H\u001b[2J\u001b[?25l';
const LEAVE = '\u001b[?1049l\u001b[?25h';
/** Bracketed paste: pasted text comes between two marks, so it is never read as keys. */
const PASTE_ON = '\u001b[?2004h';
const PASTE_OFF = '\u001b[?2004l';

/** How long a stop may take before it is taken for refused: the kernel stops no process group that has no shell. */
const STOP_REFUSED_MS = 200;

interface TerminalOptions {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  env?: NodeJS.ProcessEnv;
}

/** The modes of the terminal that a full screen needs, and the way back from all of them. */
export interface TerminalModes {
  /** Raw mode and bracketed paste, before the first frame: a key that is typed now is not echoed. */
  takeInput(): void;
  /** The alternate screen, with the frame on it when there is one already. */
  showScreen(frame?: string): void;
  /** Who draws the whole screen again, onto an empty one, from now on. */
  onRedraw(redraw: () => void): void;
  /** Empties the screen and draws it again: somebody else wrote on it. */
  repaint(): void;
  /** Title and progress of the window, where the terminal takes them. */
  signal(signal: TerminalSignal): void;
  /** One bell. */
  ring(): void;
  /** Leaves the terminal as it was and stops the job, as Ctrl+Z does; `fg` brings the screen back. */
  suspend(): void;
  /** Gives the terminal as it was to somebody else until the work is done; Ctrl+Z is theirs then. */
  lend<T>(work: () => Promise<T>): Promise<T>;
  /** The terminal as it was. May be called twice. */
  restore(): void;
}

export function terminalModes({ stdin, stdout, env = process.env }: TerminalOptions): TerminalModes {
  const signals = createSignals(signalTraits(env));
  let lastSignal: TerminalSignal | null = null;
  let redraw = (): void => {};
  let isScreenShown = false;
  let hasInput = false;
  let stopTimer: NodeJS.Timeout | null = null;
  let warnings: ReturnType<typeof keepWarnings> | null = null;

  const setRaw = (isRaw: boolean): void => {
    try {
      stdin.setRawMode(isRaw);
    } catch {
      // The terminal is gone: there is no mode to set.
    }
  };
  const giveBack = (): void => {
    stdout.write(`${signals.clear()}${PASTE_OFF}${isScreenShown ? LEAVE : ''}`);
    setRaw(false);
  };
  const takeBack = (): void => {
    if (stopTimer) clearTimeout(stopTimer);
    stopTimer = null;
    // Off first: a shell may have changed the mode meanwhile, and Node does not set one that it believes to be set.
    setRaw(false);
    setRaw(true);
    stdout.write(PASTE_ON);
    if (!isScreenShown) return;
    stdout.write(`${ENTER}${lastSignal === null ? '' : signals.show(lastSignal)}`);
    redraw();
  };
  /** Two readers of one terminal share its keys: whoever borrows it gets all of them. */
  const stopReading = async (): Promise<void> => {
    // Who read before has let go of the stream by the next turn, and only then does a pause end the reading itself.
    await new Promise(setImmediate);
    stdin.resume();
    stdin.pause();
  };
  const stop = (target: number): void => {
    if (stopTimer) return;
    giveBack();
    process.off('SIGTSTP', onStopSignal);
    stopTimer = setTimeout(resume, STOP_REFUSED_MS);
    process.kill(target, 'SIGTSTP');
  };
  const resume = (): void => {
    process.off('SIGTSTP', onStopSignal);
    process.on('SIGTSTP', onStopSignal);
    takeBack();
  };
  const onStopSignal = (): void => stop(process.pid);
  const restore = (): void => {
    if (!hasInput) return;
    hasInput = false;
    if (stopTimer) clearTimeout(stopTimer);
    stopTimer = null;
    process.off('uncaughtExceptionMonitor', restore);
    process.off('exit', restore);
    process.off('SIGTSTP', onStopSignal);
    process.off('SIGCONT', resume);
    giveBack();
    isScreenShown = false;
    warnings?.release();
  };
  const hasJobControl = process.platform !== 'win32';

  return {
    takeInput() {
      hasInput = true;
      warnings = keepWarnings();
      stdin.setRawMode(true);
      stdout.write(PASTE_ON);
      // Before Node prints what ends the program, so that it stays to be read. On 'exit', for every other end.
      process.on('uncaughtExceptionMonitor', restore);
      process.on('exit', restore);
      if (!hasJobControl) return;
      process.on('SIGTSTP', onStopSignal);
      process.on('SIGCONT', resume);
    },
    showScreen(frame = '') {
      isScreenShown = true;
      stdout.write(`${ENTER}${frame}`);
    },
    onRedraw(next) {
      redraw = next;
    },
    signal(next) {
      if (!isScreenShown || stopTimer) return;
      lastSignal = next;
      const text = signals.show(next);
      if (text !== '') stdout.write(text);
    },
    ring() {
      if (isScreenShown) stdout.write(BELL);
    },
    repaint() {
      if (!isScreenShown) return;
      redraw();
    },
    suspend() {
      // The whole job, as the terminal would: npm, npx and a shell in between stop as well.
      if (hasJobControl) stop(0);
    },
    async lend(work) {
      process.off('SIGTSTP', onStopSignal);
      process.off('SIGCONT', resume);
      giveBack();
      await stopReading();
      try {
        return await work();
      } finally {
        if (hasJobControl) {
          process.on('SIGTSTP', onStopSignal);
          process.on('SIGCONT', resume);
        }
        takeBack();
      }
    },
    restore,
  };
}
