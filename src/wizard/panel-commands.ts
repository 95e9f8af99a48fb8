import type { FailureReport } from '../core/events.ts';
import { failedChecks } from './choices.ts';
import { scrolledRow } from './log-scroll.ts';
import { leave, planAgain, recheck, sharedOf, stay, toOverview } from './moves.ts';
import { type ActionOutcome, openAction } from './panels/action-panel.ts';
import { openBundle } from './panels/bundle-panel.ts';
import { mergedChanges } from './panels/changes.ts';
import { openHost } from './panels/host-panel.ts';
import { openModel } from './panels/model-panel.ts';
import { reopenPage } from './panels/page-panel.ts';
import {
  type AnyStep,
  isPanelBusy,
  notePanel,
  onPanelAnswer,
  onPanelCommand,
  onPanelRefused,
  onPanelStopped,
  type Panel,
  type PanelAnswer,
  type PanelEffect,
  panelField,
  panelOutcome,
  typeIntoPanel,
} from './panels/panels.ts';
import { openSources } from './panels/sources-panel.ts';
import type { Command, PanelState, Transition, ViewSize, WizardState } from './state.ts';

interface Opened {
  panel: Panel;
  effect?: PanelEffect;
}

/** Opens a panel; the previous screen is kept behind it. */
export function openPanel(behind: PanelState['behind'], { panel, effect }: Opened): Transition {
  const runId = behind.runId + 1;
  return {
    next: {
      ...sharedOf(behind),
      screen: 'panel',
      runId,
      panel,
      behind,
      startedAtMs: behind.nowMs,
      firstRow: 0,
    },
    effects: effect === undefined ? [] : [{ ...effect, runId }],
  };
}

/** Restarts the same panel. */
export function reopenPanel({ panel, behind }: PanelState, nowMs: number, runId: number): Transition {
  return openPanel({ ...behind, nowMs, runId }, freshPanel(panel));
}

function freshPanel(panel: Panel): Opened {
  switch (panel.kind) {
    case 'action':
      return openAction(panel.action);
    case 'bundle':
      return openBundle();
    case 'host':
      return openHost();
    case 'model':
      return openModel();
    case 'page':
      return reopenPage(panel);
    case 'sources':
      return openSources();
  }
}

export function onPanel(
  state: PanelState,
  { command, view }: { command: Command; view: ViewSize },
): Transition {
  const { panel } = state;
  const isAtRest = !isPanelBusy(panel) && panelField(panel) === null;
  switch (command) {
    case 'page-up':
    case 'page-down':
      return stay({ ...state, firstRow: scrolledRow(state.firstRow, command, view) });
    case 'quit':
      return leavePanel(state);
    case 'interrupt':
      if (isAtRest) return leavePanel(state);
      break;
    default:
  }
  return stepped(state, onPanelCommand(panel, command));
}

/** The last result is also printed on the normal screen. */
function leavePanel(state: PanelState): Transition {
  const outcome: ActionOutcome | null = panelOutcome(state.panel);
  const { behind } = state;
  if (behind.screen === 'check' && behind.result) {
    const told = outcome === null ? {} : { told: outcome };
    const isFailed = outcome?.isOk === false || failedChecks(behind) > 0;
    const { result, checks } = behind;
    return leave(state, isFailed ? 1 : 0, { kind: 'done', result, checks, ...told });
  }
  if (outcome === null) return leave(state, 0, { kind: 'left' });
  return leave(state, outcome.isOk ? 0 : 1, { kind: 'told', ...outcome });
}

function stepped(state: PanelState, step: AnyStep): Transition {
  if ('exit' in step) return leaveTo(state, step.exit);
  const { panel, effect } = step;
  const isSamePage =
    panel === state.panel || (panelField(panel) !== null && panelField(state.panel) !== null);
  const next: PanelState = { ...state, panel, firstRow: isSamePage ? state.firstRow : 0 };
  if (effect === undefined) return stay(next);
  if (effect === 'cancel') return { next, effects: [{ type: 'cancel' }] };
  const runId = state.runId + 1;
  return { next: { ...next, runId, startedAtMs: state.nowMs }, effects: [{ ...effect, runId }] };
}

function leaveTo(state: PanelState, exit: Extract<AnyStep, { exit: unknown }>['exit']): Transition {
  const { behind, nowMs } = state;
  const runId = state.runId + 1;
  const cancel = { type: 'cancel' } as const;
  switch (exit.to) {
    case 'behind':
      return { next: { ...behind, nowMs, runId }, effects: [cancel] };
    case 'changed': {
      if (behind.screen !== 'check') return { next: { ...behind, nowMs, runId }, effects: [cancel] };
      const { next, effects } = recheck({ ...behind, nowMs, runId: state.runId });
      return { next, effects: [cancel, ...effects] };
    }
    case 'overview': {
      const { next, effects } = toOverview({ ...state, installed: null });
      return { next, effects: [cancel, ...effects] };
    }
    case 'plan': {
      const changes = mergedChanges(state.changes, exit.changes);
      const { next, effects } = planAgain({ ...state, changes, feature: changes.feature ?? state.feature });
      return { next, effects: [cancel, ...effects] };
    }
  }
}

export function panelAnswered(state: PanelState, answer: PanelAnswer): Transition {
  return stepped(state, onPanelAnswer(state.panel, answer));
}

export function panelStopped(state: PanelState): Transition {
  return stepped(state, onPanelStopped(state.panel));
}

/** `null` when there is no field to show the failure at. */
export function panelRefused(state: PanelState, { title }: FailureReport): PanelState | null {
  const panel = onPanelRefused(state.panel, title);
  return panel && { ...state, panel };
}

export function panelNoted(state: PanelState, text: string): PanelState {
  return { ...state, panel: notePanel(state.panel, text) };
}

export function typeIntoPanelState(state: PanelState, text: string): WizardState {
  const panel = typeIntoPanel(state.panel, text);
  return panel === state.panel ? state : { ...state, panel };
}
