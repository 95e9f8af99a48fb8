import type { WizardState } from '../../wizard/state.ts';
import type { TerminalSignal } from './signals.ts';

/** What is going on, for the title of a window that nobody looks at. */
export function wizardSignal(state: WizardState): TerminalSignal {
  switch (state.screen) {
    case 'installing': {
      const percent = Math.floor(state.progress.share * 100);
      if (state.isStopping) return { title: 'ktx setup · stopping', percent: null };
      return { title: `ktx setup · installing ${percent}%`, percent };
    }
    case 'plan':
      return state.summary === null
        ? { title: 'ktx setup · planning', percent: null }
        : { title: 'ktx setup · plan' };
    case 'check':
      return state.isRunning
        ? { title: 'ktx setup · checking', percent: null }
        : { title: 'ktx setup · checked' };
    case 'failure':
      return { title: 'ktx setup · failed', hasFailed: true };
    default:
      return { title: 'ktx setup' };
  }
}

/** An installation this long is one that somebody turned away from. */
const WORTH_A_BELL_MS = 10_000;

/** Whether what was waited for has just ended. */
export function isWorthABell(before: WizardState, after: WizardState): boolean {
  if (before.screen !== 'installing' || after.screen === 'installing' || after.screen === 'left')
    return false;
  return after.nowMs - before.progress.startedAtMs >= WORTH_A_BELL_MS;
}
