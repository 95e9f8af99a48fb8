import { BELL, createSignals, signalTraits, type TerminalSignal } from './signals.ts';
import { keepWarnings } from './warnings.ts';

/**
 * Alternate screen, home, erase, hide the cursor. The alternate screen inherits the cursor position of the
 * normal one.
 */
const ENTER = '\u001b[?1049h\u001b[H\u001b[2J\u001b[?25l';
const LEAVE = '\u001b[?1049l\u001b[?25h';
/** Bracketed paste: pasted text arrives between two markers, so it is never read as keys. */
const PASTE_ON = '\u001b[?2004h';
const PASTE_OFF = '\u001b[?2004l';

/** How long a stop may take before it counts as refused: the kernel does not stop an orphaned process group. */
const STOP_REFUSED_MS = 200;

interface TerminalOptions {
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  env?: NodeJS.ProcessEnv;
}

/** The terminal modes of the full screen, and their restoration. */
export interface TerminalModes {
  /** Raw mode and bracketed paste, before the first frame: keys typed from now on are not echoed. */
  takeInput(): void;
  /** Enters the alternate screen, with a frame if there is one. */
  showScreen(frame?: string): void;
  /** Sets the function that redraws the whole screen from now on. */
  onRedraw(redraw: () => void): void;
  /** Clears and redraws the screen after another program wrote on it. */
  repaint(): void;
  /** Title and progress of the window, where supported. */
  signal(signal: TerminalSignal): void;
  /** Rings the bell once. */
  ring(): void;
  /** Restores the terminal and stops the job, as Ctrl+Z does; `fg` brings the screen back. */
  suspend(): void;
  /**
   * Lends the restored terminal to another program until the work is done; Ctrl+Z then acts on that program.
   */
  lend<T>(work: () => Promise<T>): Promise<T>;
  /** Restores the terminal. May be called twice. */
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
    // Off first: a shell may have changed the mode, and Node skips a mode that it believes to be set.
    setRaw(false);
    setRaw(true);
    stdout.write(PASTE_ON);
    if (!isScreenShown) return;
    stdout.write(`${ENTER}${lastSignal === null ? '' : signals.show(lastSignal)}`);
    redraw();
  };
  /** Two readers of one terminal would share its keys: the borrower must get all of them. */
  const stopReading = async (): Promise<void> => {
    // The previous reader releases the stream in the next turn; only then does a pause stop the reading.
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
      // Runs before Node prints the fatal error, so that it stays readable. 'exit' covers every other end.
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
      // The whole job, as the terminal would: npm, npx and a shell in between must stop as well.
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
