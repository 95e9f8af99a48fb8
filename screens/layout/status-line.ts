import { programName } from '../../src/support/program-name.ts';
import { formatBytes } from '../../src/support/text/format.ts';
import { commandFor } from '../../src/wizard/keys.ts';
import { currentStep } from '../../src/wizard/progress.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import { shareOf } from '../style/words.ts';

/** What a window too small for a screen shows: where things stand, and where to read more or how to leave. */
export function statusLine(state: WizardState, columns: number): { status: string; hints: string[] } {
  const log = state.logPath === null ? [] : [`log ${state.logPath}`];
  const enlarge = [enlargeWords(state, columns)];
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
      if (state.isStopping) return { status: 'Stopping …', hints: log };
      if (state.stopQuestion) return { status: 'Stop? y / n', hints: log };
      return { status: `Installing: ${step.step}${bytes}`, hints: [...log, ...enlarge] };
    }
    case 'failure':
      return { status: `✗ ${state.report.title}`, hints: [...log, ...enlarge] };
    case 'check':
      return { status: state.isRunning ? 'Checking …' : 'Checked', hints: enlarge };
    case 'plan':
      return { status: state.summary ? 'The plan is ready' : 'Planning …', hints: enlarge };
    case 'left':
      return { status: 'Stopping …', hints: [] };
    default:
      return { status: `${programName()} setup`, hints: enlarge };
  }
}

/** The longest that is not cut: what to do, and how to leave. */
function enlargeWords(state: WizardState, columns: number): string {
  const key = commandFor(state, 'q') === 'quit' ? 'q' : 'ctrl+c';
  const leave = `${key} ${state.screen === 'installing' ? 'stops' : 'quits'}`;
  const texts = [
    `Please enlarge the window (40 x 10) · ${leave}`,
    `Please enlarge · ${leave}`,
    `enlarge · ${leave}`,
  ];
  return texts.find((text) => text.length <= columns) ?? leave;
}
