import { said, t } from '../../src/language/translate.ts';
import { programName } from '../../src/support/program-name.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import { formatBytes } from '../../src/support/text/format.ts';
import { commandFor } from '../../src/wizard/keys.ts';
import { currentStep } from '../../src/wizard/progress/progress.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import { shareOf } from '../style/words.ts';

/**
 * The content of a window too small for a screen: the current state, and where to read more or how to leave.
 */
export function statusLine(state: WizardState, columns: number): { status: string; hints: string[] } {
  const log = state.logPath === null ? [] : [t`log ${state.logPath}`];
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
      if (state.isStopping) return { status: t`Stopping …`, hints: log };
      if (state.stopQuestion) return { status: t`Stop? y / n`, hints: log };
      return { status: t`Installing: ${said(step.step)}${bytes}`, hints: [...log, ...enlarge] };
    }
    case 'failure':
      return { status: `✗ ${said(state.report.title)}`, hints: [...log, ...enlarge] };
    case 'check':
      return { status: state.isRunning ? t`Checking …` : t`Checked`, hints: enlarge };
    case 'plan':
      return { status: state.summary ? t`The plan is ready` : t`Planning …`, hints: enlarge };
    case 'left':
      return { status: t`Stopping …`, hints: [] };
    default:
      return { status: `${programName()} setup`, hints: enlarge };
  }
}

/** The longest text that fits: what to do, and how to leave. */
function enlargeWords(state: WizardState, columns: number): string {
  const key = commandFor(state, 'q') === 'quit' ? 'q' : 'ctrl+c';
  const leave = state.screen === 'installing' ? t`${key} stops` : t`${key} quits`;
  const texts = [
    t`Please enlarge the window (40 x 10) · ${leave}`,
    t`Please enlarge · ${leave}`,
    t`enlarge · ${leave}`,
  ];
  return texts.find((text) => columnsOf(text) <= columns) ?? leave;
}
