import type { LogSnapshot } from '../../src/present/log-store.ts';
import { foundLines } from '../../src/wizard/log-scroll.ts';
import type { ViewSize, WizardState } from '../../src/wizard/state.ts';
import { checkRows } from './check-rows.ts';
import { failureLayout } from './failure-layout.ts';
import { checkRoom, logWindow, type Size } from './layout.ts';
import { panelLayout } from './panel-layout.ts';
import { repairQuestionLayout } from './repair-layout.ts';

/** Measurements that the reducer needs for scrolling. */
export function viewSize(state: WizardState, size: Size, log: LogSnapshot, homeDir: string): ViewSize {
  const lines = logWindow(state, size, log);
  const found =
    (state.screen === 'installing' || state.screen === 'check') && state.find
      ? foundLines(log.lines, state.find.text, state.log, lines)
      : { above: null, below: null };
  const choiceColumns = state.screen === 'failure' ? failureLayout(state, size).choiceColumns : 1;
  const window = { ...lines, found, choiceColumns };
  switch (state.screen) {
    case 'check': {
      if (state.repair?.phase === 'asking') {
        const { rows, room } = repairQuestionLayout(state.repair, size);
        return { ...window, logRows: room, overflowRows: Math.max(0, rows.length - room) };
      }
      if (state.repair?.phase === 'running' || state.isLogOpen) return { ...window, overflowRows: 0 };
      const rows = checkRows(state, size.columns, homeDir).length;
      return { ...window, logRows: checkRoom(size), overflowRows: Math.max(0, rows - checkRoom(size)) };
    }
    case 'panel': {
      const { rows, room } = panelLayout(state, size);
      return { ...window, logRows: room, overflowRows: Math.max(0, rows.length - room) };
    }
    default:
      return { ...window, overflowRows: 0 };
  }
}
