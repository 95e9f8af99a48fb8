import type { Choice, Command } from './command.ts';
import {
  BEHIND,
  movedIn,
  type PanelLine,
  type PanelStep,
  type PanelView,
  plainLines,
  stayIn,
} from './panel.ts';

/** The in-place actions of the ready menu. */
export type ActionId = 'start' | 'stop' | 'undo' | 'remove' | 'prune';

/** A preview of an action. */
export interface ActionPreview {
  lines: readonly string[];
  /** `null`: there is nothing to do, and the lines say why. */
  question: string | null;
}

export interface ActionOutcome {
  isOk: boolean;
  title: string;
  lines: readonly string[];
}

export type ActionPhase =
  | { name: 'looking' }
  | { name: 'asking'; preview: ActionPreview }
  | { name: 'running' }
  | { name: 'done'; outcome: ActionOutcome };

export interface ActionPanel {
  kind: 'action';
  action: ActionId;
  phase: ActionPhase;
  cursor: number;
  notes: readonly string[];
  isStopping: boolean;
}

export type ActionEffect = { type: 'preview-action' | 'run-action'; action: ActionId };

export type ActionAnswer =
  | { type: 'action-previewed'; preview: ActionPreview }
  | { type: 'action-done'; outcome: ActionOutcome };

type Step = PanelStep<ActionPanel, ActionEffect>;

const WORDS: Record<ActionId, { title: string; running: string; yes: string; stopped: string }> = {
  start: {
    title: 'Start the ktx daemon',
    running: 'Starting the ktx daemon',
    yes: 'Start',
    stopped: 'Stopped. No daemon was left running.',
  },
  stop: {
    title: 'Stop the ktx daemon',
    running: 'Stopping the ktx daemon',
    yes: 'Stop',
    stopped: 'Interrupted. The daemon may still be running.',
  },
  undo: {
    title: 'Undo or redo the last installation',
    running: 'Switching; testing the other environment first',
    yes: 'Switch to it',
    stopped: 'Stopped. Nothing was switched: the environment that was active still is.',
  },
  remove: {
    title: 'Remove ktx from this machine',
    running: 'Removing',
    yes: 'Delete all this',
    stopped: 'Stopped. What was not deleted yet is still here; remove it again to finish.',
  },
  prune: {
    title: 'Remove runtimes of older versions',
    running: 'Removing older versions',
    yes: 'Delete them',
    stopped: 'Stopped. What was not deleted yet is still here.',
  },
};

/** Starting or stopping a daemon destroys nothing, so it needs no confirmation. */
export function openAction(action: ActionId): { panel: ActionPanel; effect: ActionEffect } {
  const isAsked = !isOfDaemon(action);
  return {
    panel: {
      kind: 'action',
      action,
      phase: { name: isAsked ? 'looking' : 'running' },
      cursor: 0,
      notes: [],
      isStopping: false,
    },
    effect: { type: isAsked ? 'preview-action' : 'run-action', action },
  };
}

function isOfDaemon(action: ActionId): boolean {
  return action === 'start' || action === 'stop';
}

function choicesOf({ phase, action }: ActionPanel): readonly Choice<string>[] {
  switch (phase.name) {
    case 'asking': {
      const back = { id: 'back', label: 'Back' };
      if (phase.preview.question === null) return [back];
      const yes = { id: 'yes', label: WORDS[action].yes };
      // Enter must not default to an irreversible action.
      return action === 'remove' || action === 'prune' ? [back, yes] : [yes, back];
    }
    case 'done':
      return [
        { id: 'back', label: phase.outcome.isOk ? 'Done' : 'Back' },
        ...(phase.outcome.isOk ? [] : [{ id: 'again', label: 'Try again' }]),
        ...(phase.outcome.isOk && action === 'start' ? [{ id: 'stop', label: 'Stop the daemon' }] : []),
      ];
    default:
      return [];
  }
}

export function onActionCommand(panel: ActionPanel, command: Command): Step {
  const { phase, action } = panel;
  if (phase.name === 'looking' || phase.name === 'running') {
    if (phase.name === 'looking' && command === 'back') return BEHIND;
    return command === 'interrupt' && !panel.isStopping
      ? { panel: { ...panel, isStopping: true }, effect: 'cancel' }
      : stayIn(panel);
  }
  const choices = choicesOf(panel);
  const isChanged = phase.name === 'done' && phase.outcome.isOk;
  const leave: Step = isChanged ? { exit: { to: isOfDaemon(action) ? 'changed' : 'overview' } } : BEHIND;
  if (command === 'back') return leave;
  if (command !== 'confirm') return movedIn(panel, command, choices.length) ?? stayIn(panel);
  switch (choices[panel.cursor]?.id) {
    case 'yes':
      return {
        panel: { ...panel, phase: { name: 'running' }, cursor: 0 },
        effect: { type: 'run-action', action },
      };
    case 'again':
      return openAction(action);
    case 'stop':
      return openAction('stop');
    default:
      return leave;
  }
}

export function onActionAnswer(panel: ActionPanel, answer: ActionAnswer): Step {
  const phase: ActionPhase =
    answer.type === 'action-previewed'
      ? { name: 'asking', preview: answer.preview }
      : { name: 'done', outcome: answer.outcome };
  return stayIn({ ...panel, phase, cursor: 0, isStopping: false });
}

/** The aborted work has ended. */
export function onActionStopped(panel: ActionPanel): Step {
  if (panel.phase.name === 'looking') return BEHIND;
  const outcome = { isOk: false, title: WORDS[panel.action].title, lines: [WORDS[panel.action].stopped] };
  return stayIn({ ...panel, phase: { name: 'done', outcome }, cursor: 0, isStopping: false });
}

export function actionView(panel: ActionPanel): PanelView {
  const { phase, notes, cursor } = panel;
  const words = WORDS[panel.action];
  const view = { choices: choicesOf(panel), cursor, field: null };
  const noteLines: PanelLine[] = plainLines(notes, 'faint');
  switch (phase.name) {
    case 'looking':
      return { ...view, title: words.title, status: 'running', lines: noteLines };
    case 'asking': {
      const { lines, question } = phase.preview;
      const asked: PanelLine[] = question === null ? [] : [{ text: '' }, { text: question }];
      return { ...view, title: words.title, status: 'asking', lines: [...plainLines(lines), ...asked] };
    }
    case 'running': {
      const title = panel.isStopping ? 'Stopping; waiting for running tasks to end' : words.running;
      return { ...view, title, status: 'running', lines: noteLines };
    }
    case 'done': {
      const { isOk, title, lines } = phase.outcome;
      return { ...view, title, status: isOk ? 'done' : 'failed', lines: plainLines(lines) };
    }
  }
}
