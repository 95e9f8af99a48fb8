import type { FailureReport } from '../core/events.ts';
import { failureChoices } from './choices.ts';
import { scrollLog } from './log-scroll.ts';
import { checkFor, isElsewhere, leave, planAgain, planFor, stay, toFeatures, toOverview } from './moves.ts';
import { openPanel, reopenPanel } from './panel-commands.ts';
import { openBundle } from './panels/bundle-panel.ts';
import { mergedChanges } from './panels/changes.ts';
import { movedInGrid } from './panels/command.ts';
import { onFieldCommand, openField, typeIntoField } from './panels/field.ts';
import { type Mending, mendingsOf } from './panels/mending.ts';
import { openPage } from './panels/page-panel.ts';
import type { Command, FailureState, Transition, ViewSize } from './state.ts';

export function onFailure(
  state: FailureState,
  { command, view }: { command: Command; view: ViewSize },
): Transition {
  const quit = (): Transition => leave(state, 1, { kind: 'failed', report: state.report });
  if (command === 'quit' || command === 'interrupt') return quit();
  if (state.mendingId !== null) return stay(state);
  if (state.field) return onField(state, command);
  if (state.log) {
    return command === 'back' || command === 'toggle-log'
      ? stay({ ...state, log: null })
      : stay({ ...state, log: scrollLog(state.log, command, view) });
  }
  const choices = failureChoices(state);
  switch (command) {
    case 'previous':
    case 'next':
    case 'first':
    case 'last':
    case 'left':
    case 'right':
      return stay({
        ...state,
        cursor: movedInGrid(state.cursor, command, choices.length, view.choiceColumns),
      });
    case 'toggle-log':
      return state.hasLog ? stay({ ...state, log: { kind: 'follow' } }) : stay(state);
    case 'back':
      return backFrom(state);
    case 'confirm':
      break;
    default:
      return stay(state);
  }
  const chosen = choices[state.cursor]?.id;
  const mending = mendingsOf(state.report).find(({ id }) => id === chosen);
  if (mending) return ask(state, mending, []);
  switch (chosen) {
    case 'retry':
      return tryAgain(state);
    case 'plan':
    case 'features':
      return backFrom(state);
    case 'log':
      return stay({ ...state, log: { kind: 'follow' } });
    default:
      return quit();
  }
}

function backFrom(state: FailureState): Transition {
  const { panel, overview, retry, nowMs } = state;
  if (panel) return stay({ ...panel.behind, nowMs, runId: state.runId + 1 });
  if (!overview) return stay(state);
  if (retry === 'install') return planFor(state, overview);
  return retry === 'plan' ? toFeatures(state, overview, []) : stay(state);
}

/** The remedy whose values are being typed. */
function openMending(state: FailureState): Mending | null {
  const id = state.field?.mendingId;
  return mendingsOf(state.report).find((mending) => mending.id === id) ?? null;
}

/** Asks for the next value, or applies the remedy when all are given. */
function ask(state: FailureState, mending: Mending, values: readonly string[]): Transition {
  const spec = mending.fields[values.length];
  if (spec === undefined) return mend(state, mending, values);
  return stay({ ...state, notice: null, field: { mendingId: mending.id, values, field: openField(spec) } });
}

function onField(state: FailureState, command: Command): Transition {
  const open = state.field;
  const mending = openMending(state);
  if (!open || !mending) return stay({ ...state, field: null });
  const { field, values } = open;
  const step = onFieldCommand(field, command);
  switch (step.type) {
    case 'field':
      return stay({ ...state, field: { ...open, field: step.field } });
    case 'entered':
      return ask(state, mending, [...values, step.value]);
    default:
      return values.length === 0 ? stay({ ...state, field: null }) : ask(state, mending, values.slice(0, -1));
  }
}

/** Handles text for the open field; ignored otherwise. */
export function typeIntoFailure(state: FailureState, text: string): FailureState {
  if (!state.field || state.mendingId !== null) return state;
  return { ...state, field: { ...state.field, field: typeIntoField(state.field.field, text) } };
}

function mend(state: FailureState, mending: Mending, values: readonly string[]): Transition {
  const changes = mergedChanges(state.changes, mending.changes(values));
  const changed: FailureState = {
    ...state,
    changes,
    shouldForce: changes.shouldForce ?? state.shouldForce,
    feature: changes.feature ?? state.feature,
  };
  if (mending.next === 'network') return openPanel(changed, openPage('network'));
  if (mending.next === 'bundle') return openPanel(changed, openBundle());
  const task = mending.task(values);
  if (task === null) return tryAgain(changed);
  const runId = state.runId + 1;
  return {
    next: { ...changed, runId, mendingId: mending.id },
    effects: [{ type: 'mend', runId, task }],
  };
}

/** The remedy was applied: try again, or show a notice. */
export function mended(state: FailureState, notice: string): Transition {
  const mending = mendingsOf(state.report).find(({ id }) => id === state.mendingId);
  const done: FailureState = { ...state, mendingId: null, field: null, notice };
  return mending?.next === 'stay' ? stay(done) : tryAgain(done);
}

/**
 * A value was rejected: it stays in its field, with the reason. Without a field the reason goes below the
 * choices.
 */
export function refusedMending(state: FailureState, report: FailureReport): FailureState {
  if (state.mendingId === null) return state;
  const { field } = state;
  const problem = report.title;
  return {
    ...state,
    mendingId: null,
    notice: field ? null : problem,
    field: field && { ...field, field: { ...field.field, problem } },
  };
}

function tryAgain(state: FailureState): Transition {
  if (state.panel) return reopenPanel(state.panel, state.nowMs, state.runId);
  if (state.retry === 'overview') return toOverview(state);
  if (state.retry === 'check' && !isElsewhere(state)) return checkFor(state);
  // Hosts may answer differently by now, so even an unchanged retry starts with a new plan.
  return planAgain(state, state.summary);
}
