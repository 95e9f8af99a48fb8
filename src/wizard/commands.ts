import { onCheck } from './check-commands.ts';
import { availableOffers, planChoices, readyChoices, STOP_CHOICES } from './choices.ts';
import { onFailure } from './failure-commands.ts';
import { onLogSearch, scrollLog } from './log-scroll.ts';
import { checkFor, installFor, leave, planFor, stay, toFeatures } from './moves.ts';
import { onPanel, openPanel } from './panel-commands.ts';
import { openAction } from './panels/action-panel.ts';
import { openBundle } from './panels/bundle-panel.ts';
import { moved } from './panels/command.ts';
import { openHost } from './panels/host-panel.ts';
import { openModel } from './panels/model-panel.ts';
import { openPlanPage } from './panels/page-panel.ts';
import { openSources } from './panels/sources-panel.ts';
import type {
  Command,
  Farewell,
  FeaturesState,
  InstallingState,
  PlanState,
  ReadyState,
  Transition,
  ViewSize,
  WizardState,
} from './state.ts';

interface Given {
  command: Command;
  view: ViewSize;
}

/** Applies a command to the current screen. A command that has no meaning there changes nothing. */
export function reduceCommand(state: WizardState, given: Given): Transition {
  if (given.command === 'help') return stay({ ...state, isHelpOpen: !state.isHelpOpen });
  if (state.isHelpOpen && given.command !== 'interrupt' && given.command !== 'quit') {
    return stay({ ...state, isHelpOpen: false });
  }
  switch (state.screen) {
    case 'loading':
      return given.command === 'quit' || given.command === 'interrupt'
        ? leave(state, 0, { kind: 'left' })
        : stay(state);
    case 'ready':
      return onReady(state, given.command);
    case 'features':
      return onFeatures(state, given.command);
    case 'plan':
      return onPlan(state, given.command);
    case 'installing':
      return onInstalling(state, given);
    case 'failure':
      return onFailure(state, given);
    case 'check':
      return onCheck(state, given);
    case 'panel':
      return onPanel(state, given);
    case 'left':
      return stay(state);
  }
}

function onReady(state: ReadyState, command: Command): Transition {
  const choices = readyChoices(state);
  switch (command) {
    case 'previous':
    case 'next':
    case 'first':
    case 'last':
      return stay({ ...state, cursor: moved(state.cursor, command, choices.length) });
    case 'quit':
    case 'interrupt':
      return leave(state, 0, readyFarewell(state));
    case 'confirm':
      break;
    default:
      return stay(state);
  }
  const installed = state.overview.status.features;
  const feature = installed.includes('local-embeddings') ? 'local-embeddings' : 'core';
  const chosen = choices[state.cursor]?.id;
  switch (chosen) {
    case 'check':
      return checkFor(state);
    case 'repair':
      return checkFor(state, { costs: ['deep'], wantsRepair: true });
    case 'start':
    case 'undo':
    case 'remove':
    case 'prune':
      return openPanel(state, openAction(chosen));
    case 'model':
      return openPanel(state, openModel());
    case 'host':
      return openPanel(state, openHost());
    case 'change':
      return toFeatures({ ...state, feature }, state.overview, []);
    case 'reinstall':
      return planFor({ ...state, feature, shouldForce: true }, state.overview);
    default:
      return leave(state, 0, readyFarewell(state));
  }
}

function readyFarewell({ installed }: ReadyState): Farewell {
  return installed === null ? { kind: 'left' } : { kind: 'done', result: installed, checks: null };
}

function onFeatures(state: FeaturesState, command: Command): Transition {
  const offers = availableOffers(state);
  const index = offers.findIndex((offer) => offer.feature === state.feature);
  switch (command) {
    case 'previous':
    case 'next': {
      const feature = offers[moved(index, command, offers.length)]?.feature ?? state.feature;
      return stay({ ...state, feature });
    }
    case 'confirm':
      return index === -1 ? stay(state) : planFor(state, state.overview);
    case 'back':
      return state.overview.status.kind === 'ready'
        ? stay({ ...state, screen: 'ready', shouldForce: false, cursor: 0 })
        : stay(state);
    case 'quit':
    case 'interrupt':
      return leave(state, 0, { kind: 'left' });
    default:
      return stay(state);
  }
}

function onPlan(state: PlanState, command: Command): Transition {
  const choices = planChoices(state);
  switch (command) {
    case 'previous':
    case 'next':
    case 'first':
    case 'last':
      return stay({ ...state, cursor: moved(state.cursor, command, Math.max(1, choices.length)) });
    case 'back':
      return toFeatures(state, state.overview, [{ type: 'cancel' }]);
    case 'network':
      return state.summary === null ? stay(state) : openPanel(state, openPlanPage(state.summary));
    case 'quit':
      return leave(state, 0, { kind: 'left' });
    case 'interrupt':
      return state.summary === null
        ? leave(state, 130, { kind: 'cancelled', logPath: null })
        : leave(state, 0, { kind: 'left' });
    case 'confirm':
      break;
    default:
      return stay(state);
  }
  const choice = choices[state.cursor]?.id;
  if (choice === 'back') return toFeatures(state, state.overview, []);
  if (choice === 'sources') return openPanel(state, openSources());
  if (choice === 'bundle') return openPanel(state, openBundle());
  if (choice === 'install' && state.summary) return installFor(state, state.overview, state.summary);
  return stay(state);
}

function onInstalling(state: InstallingState, { command, view }: Given): Transition {
  const stop = (): Transition => ({
    next: { ...state, stopQuestion: null, isStopping: true },
    effects: [{ type: 'cancel' }],
  });
  if (state.stopQuestion && !state.isStopping) {
    switch (command) {
      case 'interrupt':
      case 'stop-yes':
        return stop();
      case 'stop-no':
      case 'back':
        return stay({ ...state, stopQuestion: null });
      case 'previous':
      case 'next':
      case 'first':
      case 'last':
        return stay({
          ...state,
          stopQuestion: { cursor: moved(state.stopQuestion.cursor, command, STOP_CHOICES.length) },
        });
      case 'confirm':
        return STOP_CHOICES[state.stopQuestion.cursor]?.id === 'stop'
          ? stop()
          : stay({ ...state, stopQuestion: null });
      default:
        return stay(state);
    }
  }
  if (!state.isStopping && command !== 'interrupt') {
    const searched = onLogSearch(state, command, view);
    if (searched !== null) return stay(searched);
  }
  switch (command) {
    case 'interrupt':
      return state.isStopping ? stay(state) : stay({ ...state, stopQuestion: { cursor: 0 } });
    case 'toggle-log':
      return stay({ ...state, isLogFull: !state.isLogFull });
    case 'back':
      return stay({ ...state, isLogFull: false });
    default:
      return stay({ ...state, log: scrollLog(state.log, command, view) });
  }
}
