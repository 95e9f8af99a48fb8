import { formatBytes } from '../src/support/format.ts';
import { currentStep } from '../src/wizard/progress.ts';
import type { WizardState } from '../src/wizard/state.ts';
import { shareOf } from './words.ts';

/** What a window too small for a screen shows: where things stand, and where to read more. */
export function statusLine(state: WizardState): { status: string; hint: string } {
  const enlarge = 'Please enlarge the window (40 x 10).';
  switch (state.screen) {
    case 'installing': {
      const { totalBytes, doneBytes } = state.progress;
      const step = currentStep(state.progress);
      const bytes =
        step.step !== 'fetch'
          ? ''
          : totalBytes
            ? ` ${shareOf(doneBytes, totalBytes)}`
            : doneBytes > 0
              ? ` ${formatBytes(doneBytes)}`
              : '';
      if (state.isStopping) return { status: 'Stopping …', hint: `log ${state.logPath ?? ''}` };
      if (state.stopQuestion) return { status: 'Stop? y / n', hint: `log ${state.logPath ?? ''}` };
      return { status: `Installing: ${step.step}${bytes}`, hint: `log ${state.logPath ?? ''}` };
    }
    case 'failure':
      return { status: `✗ ${state.report.title}`, hint: `log ${state.logPath ?? 'none'}` };
    case 'check':
      return { status: state.isRunning ? 'Checking …' : 'Checked', hint: enlarge };
    case 'plan':
      return { status: state.summary ? 'The plan is ready' : 'Planning …', hint: enlarge };
    case 'left':
      return { status: 'Stopping …', hint: '' };
    default:
      return { status: 'ktx setup', hint: enlarge };
  }
}
