/** What a terminal shows outside its screen: the window's title, progress on its icon. */
export interface TerminalSignal {
  title: string;
  /** 0 to 100; `null`: in progress, duration unknown; `undefined`: nothing runs. */
  percent?: number | null;
  hasFailed?: boolean;
}

/** What this terminal supports. */
export interface SignalTraits {
  hasTitle: boolean;
  hasProgress: boolean;
}

const SAVE_TITLE = '\u001b[22;2t';
const RESTORE_TITLE = '\u001b[23;2t';
const NO_PROGRESS = '\u001b]9;4;0\u0007';
export const BELL = '\u0007';

/**
 * A terminal may print unknown sequences on its screen, so they are only sent where they are known to work.
 * Progress is OSC 9;4, introduced by ConEmu; older versions of iTerm2 show it as a notification.
 */
export function signalTraits(env: NodeJS.ProcessEnv): SignalTraits {
  const term = env['TERM'] ?? '';
  const program = env['TERM_PROGRAM'] ?? '';
  const isWindowsTerminal = Boolean(env['WT_SESSION']);
  const isMultiplexed = Boolean(env['TMUX']) || /^(?:screen|tmux)/.test(term);
  const hasProgress =
    isWindowsTerminal ||
    env['ConEmuANSI'] === 'ON' ||
    program === 'ghostty' ||
    program === 'WezTerm' ||
    (program === 'iTerm.app' && isAtLeast(env['TERM_PROGRAM_VERSION'], [3, 6, 6])) ||
    Number(env['VTE_VERSION'] ?? 0) >= 7900;
  const hasTitle =
    isWindowsTerminal ||
    program !== '' ||
    /^(?:xterm|rxvt|screen|tmux|foot|alacritty|wezterm|konsole|st)/.test(term);
  return { hasTitle, hasProgress: hasProgress && !isMultiplexed };
}

function isAtLeast(version: string | undefined, least: readonly number[]): boolean {
  const parts = (version ?? '').split('.').map(Number);
  for (const [index, wanted] of least.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

/** Sends each signal once, and can reset all of them. */
export interface Signals {
  /** The sequence to write; `''` when the terminal shows it already. */
  show(signal: TerminalSignal): string;
  /** Restores the title and removes the progress. The next `show` sends everything again. */
  clear(): string;
}

export function createSignals(traits: SignalTraits): Signals {
  let shownTitle: string | null = null;
  let shownProgress: string | null = null;
  return {
    show(signal) {
      let text = '';
      if (traits.hasTitle && signal.title !== shownTitle) {
        // The terminal keeps a stack of titles: the old one is pushed once.
        text += `${shownTitle === null ? SAVE_TITLE : ''}\u001b]2;${signal.title}\u0007`;
        shownTitle = signal.title;
      }
      const progress = progressOf(signal);
      if (traits.hasProgress && progress !== (shownProgress ?? NO_PROGRESS)) {
        text += progress;
        shownProgress = progress;
      }
      return text;
    },
    clear() {
      const text = `${shownTitle === null ? '' : RESTORE_TITLE}${shownProgress === null ? '' : NO_PROGRESS}`;
      shownTitle = null;
      shownProgress = null;
      return text;
    },
  };
}

function progressOf({ percent, hasFailed }: TerminalSignal): string {
  if (hasFailed) return '\u001b]9;4;2;100\u0007';
  if (percent === undefined) return NO_PROGRESS;
  return percent === null ? '\u001b]9;4;3\u0007' : `\u001b]9;4;1;${Math.round(percent)}\u0007`;
}
