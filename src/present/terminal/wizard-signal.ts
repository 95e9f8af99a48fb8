import { t } from '../../language/translate.ts';
import { programName } from '../../support/program-name.ts';
import type { WizardState } from '../../wizard/state.ts';
import type { TerminalSignal } from './signals.ts';

/** The current activity, for the title of a window in the background. */
export function wizardSignal(state: WizardState): TerminalSignal {
  switch (state.screen) {
    case 'installing': {
      const percent = Math.floor(state.progress.share * 100);
      if (state.isStopping) return { title: t`${programName()} setup · stopping`, percent: null };
      return { title: t`${programName()} setup · installing ${percent}%`, percent };
    }
    case 'plan':
      return state.summary === null
        ? { title: t`${programName()} setup · planning`, percent: null }
        : { title: t`${programName()} setup · plan` };
    case 'check':
      return state.isRunning
        ? { title: t`${programName()} setup · checking`, percent: null }
        : { title: t`${programName()} setup · checked` };
    case 'failure':
      return { title: t`${programName()} setup · failed`, hasFailed: true };
    default:
      return { title: `${programName()} setup` };
  }
}

/** After an installation this long, the user has probably switched to something else. */
const WORTH_A_BELL_MS = 10_000;

/** Whether the activity that the user is waiting for has just ended. */
export function isWorthABell(before: WizardState, after: WizardState): boolean {
  if (before.screen !== 'installing' || after.screen === 'installing' || after.screen === 'left')
    return false;
  return after.nowMs - before.progress.startedAtMs >= WORTH_A_BELL_MS;
}
