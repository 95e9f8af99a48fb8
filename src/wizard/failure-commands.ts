import type { FailureReport } from '../core/events.ts';
import { failureChoices } from './choices.ts';
import { scrollLog } from './log-scroll.ts';
import { fieldProblem, fieldValue, type Mending, mendingsOf } from './mending.ts';
import { checkFor, leave, planFor, stay, toFeatures, toOverview } from './moves.ts';
import type { Command, FailureState, Transition, ViewSize, WizardState } from './state.ts';

/** The next position in a list; a list does not wrap, so that holding a key ends at its end. */
export function moved(cursor: number, command: Command, count: number): number {
  const step = command === 'next' ? 1 : command === 'previous' ? -1 : 0;
  return Math.max(0, Math.min(count - 1, cursor + step));
}

export function onFailure(
  state: FailureState,
  { command, view }: { command: Command; view: ViewSize },
): Transition {
  const quit = (): Transition => leave(state, 1, { kind: 'failed', report: state.report });
  if (command === 'quit' || command === 'interrupt') return quit();
  if (state.isMending) return stay(state);
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
      return stay({ ...state, cursor: moved(state.cursor, command, choices.length) });
    case 'toggle-log':
      return state.hasLog ? stay({ ...state, log: { kind: 'follow' } }) : stay(state);
    case 'back':
      if (!state.overview) return stay(state);
      if (state.retry === 'install') return planFor(state, state.overview);
      return state.retry === 'plan' ? toFeatures(state, state.overview, []) : stay(state);
    case 'confirm':
      break;
    default:
      return stay(state);
  }
  const chosen = choices[state.cursor]?.id;
  const mending = mendingsOf(state.report).find(({ id }) => id === chosen);
  if (mending?.field) {
    return stay({ ...state, field: { mendingId: mending.id, text: '', problem: null } });
  }
  if (mending) return mend(state, mending, '');
  switch (chosen) {
    case 'retry':
      return tryAgain(state);
    case 'plan':
      return state.overview ? planFor(state, state.overview) : stay(state);
    case 'features':
      return state.overview ? toFeatures(state, state.overview, []) : stay(state);
    case 'log':
      return stay({ ...state, log: { kind: 'follow' } });
    default:
      return quit();
  }
}

/** The mending whose value is being typed. */
export function openMending(state: FailureState): Mending | null {
  const id = state.field?.mendingId;
  return mendingsOf(state.report).find((mending) => mending.id === id) ?? null;
}

function onField(state: FailureState, command: Command): Transition {
  const { field } = state;
  const mending = openMending(state);
  if (!field || !mending?.field) return stay({ ...state, field: null });
  switch (command) {
    case 'back':
      return stay({ ...state, field: null });
    case 'erase':
      return stay({ ...state, field: { ...field, text: field.text.replace(/.$/su, ''), problem: null } });
    case 'erase-all':
      return stay({ ...state, field: { ...field, text: '', problem: null } });
    case 'confirm': {
      const problem = fieldProblem(mending.field, field.text);
      if (problem !== null) return stay({ ...state, field: { ...field, problem } });
      return mend(state, mending, fieldValue(field.text));
    }
    default:
      return stay(state);
  }
}

/** No address or path is longer. */
const MAX_FIELD_CHARACTERS = 2000;

/** Text for the field that is open, the first line of it; nowhere else does text mean anything. */
/** What a field takes of a text: its first line, without control characters. */
export function typedLine(text: string): string {
  const [line = ''] = text.replace(/^[\r\n]+/, '').split(/[\r\n]/);
  return line.replace(/\p{Cc}/gu, '');
}

export function typeText(state: WizardState, text: string): Transition {
  if (state.screen !== 'failure' || !state.field || state.isMending) return stay(state);
  const typed = typedLine(text);
  if (typed === '') return stay(state);
  const whole = (state.field.text + typed).slice(0, MAX_FIELD_CHARACTERS);
  return stay({ ...state, field: { ...state.field, text: whole, problem: null } });
}

function mend(state: FailureState, mending: Mending, typed: string): Transition {
  const changed = { ...state, changes: { ...state.changes, ...mending.changes(typed) } };
  const { setting } = mending;
  if (setting === null) return tryAgain(changed);
  const runId = state.runId + 1;
  return {
    next: { ...changed, runId, isMending: true },
    effects: [{ type: 'store-setting', runId, name: setting.name, value: setting.value ?? typed }],
  };
}

/** The value was looked at and is no good: it stays in its field, with the reason. */
export function refusedSetting(state: FailureState, report: FailureReport): FailureState {
  if (!state.isMending) return state;
  if (!state.field)
    return { ...state, isMending: false, report: { ...report, untouched: state.report.untouched } };
  return { ...state, isMending: false, field: { ...state.field, problem: report.title } };
}

export function tryAgain(state: FailureState): Transition {
  const root = state.changes.runtimeRoot;
  const isElsewhere = root !== undefined && root !== state.overview?.runtimeRoot;
  if (!state.overview || state.retry === 'overview' || isElsewhere) return toOverview(state);
  if (state.retry === 'check') return checkFor(state, null);
  // Hosts may answer otherwise by now, so even the same installation begins with a fresh plan.
  return planFor(state, state.overview, state.summary);
}
