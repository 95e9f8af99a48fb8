import { t } from '../../language/translate.ts';
import type { Choice, Command } from './command.ts';
import { type Field, type FieldSpec, onFieldCommand, openField, typeIntoField } from './field.ts';
import {
  BEHIND,
  movedIn,
  type PanelLine,
  type PanelStep,
  type PanelView,
  plainLines,
  stayIn,
} from './panel.ts';

/** Connection settings of the host, as typed or saved. */
export type HostConnection = Readonly<Record<string, string>>;

/** The current configuration of the host. */
export interface HostFacts {
  /** `ada@models.internal: /etc/llama-swap/config.yaml` */
  place: string;
  text: string;
  models: readonly string[];
  /** Leftovers of an interrupted change. */
  warnings: readonly string[];
}

/** An edited text, compared with the one on the host. */
export interface HostReview {
  text: string;
  /** Masked. Empty: no difference. */
  diff: string;
  /** Why it would be rejected; empty when valid. */
  errors: readonly string[];
}

export interface HostOutcome {
  isOk: boolean;
  title: string;
  lines: readonly string[];
}

type Phase =
  | { name: 'looking' }
  | { name: 'connecting'; index: number; field: Field }
  | { name: 'reading' }
  | { name: 'unreachable'; lines: readonly string[] }
  | { name: 'choosing'; facts: HostFacts; note: string }
  | { name: 'editing'; facts: HostFacts; model: string | null }
  | { name: 'reviewing'; facts: HostFacts; review: HostReview; model: string | null }
  | { name: 'applying'; steps: readonly string[] }
  | { name: 'applied'; steps: readonly string[]; outcome: HostOutcome };

/** The configuration of a model host: edit one model or the whole text, review the diff, apply step by step. */
export interface HostPanel {
  kind: 'host';
  phase: Phase;
  connection: HostConnection;
  cursor: number;
  isStopping: boolean;
}

export type HostEffect =
  | { type: 'read-host'; connection: HostConnection | null }
  | { type: 'edit-host'; connection: HostConnection; base: string; text: string; model: string | null }
  | { type: 'apply-host'; connection: HostConnection; base: string; text: string };

export type HostAnswer =
  | { type: 'host-unknown' }
  | { type: 'host-read'; connection: HostConnection; facts: HostFacts }
  | { type: 'host-unreachable'; connection: HostConnection; lines: readonly string[] }
  | { type: 'host-edited'; review: HostReview }
  | { type: 'host-step'; text: string }
  | { type: 'host-applied'; outcome: HostOutcome };

type Step = PanelStep<HostPanel, HostEffect>;

/** Asked in order when no connection is saved. */
export const HOST_FIELDS: readonly FieldSpec[] = [
  { id: 'host', name: 'Host name or address', type: 'text' },
  { id: 'user', name: 'Who to log in as', type: 'text' },
  { id: 'keyPath', name: 'Private key', type: 'file', preset: '~/.ssh/id_ed25519' },
  {
    id: 'configPath',
    name: 'Configuration file on the host',
    type: 'file',
    preset: '/etc/llama-swap/config.yaml',
  },
  {
    id: 'restartCmd',
    name: 'Command that restarts the service there',
    type: 'text',
    preset: 'sudo systemctl restart llama-swap',
  },
  { id: 'baseUrl', name: 'Address of the server', type: 'url' },
];

export function openHost(): { panel: HostPanel; effect: HostEffect } {
  return {
    panel: { kind: 'host', phase: { name: 'looking' }, connection: {}, cursor: 0, isStopping: false },
    effect: { type: 'read-host', connection: null },
  };
}

const BACK: Choice<string> = { id: 'back', label: 'Back' };

function choicesOf({ phase }: HostPanel): readonly Choice<string>[] {
  switch (phase.name) {
    case 'unreachable':
      return [{ id: 'again', label: 'Try again' }, { id: 'connect', label: 'Change the connection' }, BACK];
    case 'choosing':
      return [
        { id: 'text', label: 'Edit the whole text' },
        ...phase.facts.models.map((model) => ({ id: `model ${model}`, label: t`Edit ${model}` })),
        { id: 'connect', label: 'Change the connection' },
        BACK,
      ];
    case 'reviewing': {
      const isUsable = phase.review.errors.length === 0 && phase.review.diff !== '';
      return [
        ...(isUsable ? [{ id: 'apply', label: 'Apply it to the host' }] : []),
        { id: 'edit', label: 'Edit again' },
        { id: 'discard', label: 'Discard the change' },
      ];
    }
    case 'applied':
      return [
        { id: 'again', label: phase.outcome.isOk ? 'Look at the host again' : 'Read the host again' },
        BACK,
      ];
    default:
      return [];
  }
}

const BUSY = new Set<Phase['name']>(['looking', 'reading', 'editing', 'applying']);

export function isHostBusy({ phase }: HostPanel): boolean {
  return BUSY.has(phase.name);
}

export function onHostCommand(panel: HostPanel, command: Command): Step {
  const { phase } = panel;
  if (phase.name === 'connecting') return onConnecting(panel, phase, command);
  if (isHostBusy(panel)) {
    const isStop = command === 'interrupt' || (command === 'back' && phase.name !== 'applying');
    return isStop && !panel.isStopping
      ? { panel: { ...panel, isStopping: true }, effect: 'cancel' }
      : stayIn(panel);
  }
  const choices = choicesOf(panel);
  if (command === 'back') return phase.name === 'reviewing' ? chooseIn(panel, phase.facts) : BEHIND;
  if (command !== 'confirm') return movedIn(panel, command, choices.length) ?? stayIn(panel);
  const id = choices[panel.cursor]?.id ?? 'back';
  if (id === 'connect') return connecting(panel, 0);
  if (id === 'again') return read(panel);
  if (phase.name === 'choosing' && id === 'text') return edit(panel, phase.facts, null, phase.facts.text);
  if (phase.name === 'choosing' && id.startsWith('model '))
    return edit(panel, phase.facts, id.slice('model '.length), phase.facts.text);
  if (phase.name === 'reviewing') {
    const { facts, review, model } = phase;
    if (id === 'edit') return edit(panel, facts, model, review.text);
    if (id === 'discard') return chooseIn(panel, facts, 'The change was discarded.');
    return {
      panel: { ...panel, phase: { name: 'applying', steps: [] }, cursor: 0 },
      effect: { type: 'apply-host', connection: panel.connection, base: facts.text, text: review.text },
    };
  }
  return BEHIND;
}

function read(panel: HostPanel): Step {
  return {
    panel: { ...panel, phase: { name: 'reading' }, cursor: 0, isStopping: false },
    effect: { type: 'read-host', connection: panel.connection },
  };
}

function edit(panel: HostPanel, facts: HostFacts, model: string | null, text: string): Step {
  return {
    panel: { ...panel, phase: { name: 'editing', facts, model }, cursor: 0 },
    effect: { type: 'edit-host', connection: panel.connection, base: facts.text, text, model },
  };
}

function chooseIn(panel: HostPanel, facts: HostFacts, note = ''): Step {
  return stayIn({ ...panel, phase: { name: 'choosing', facts, note }, cursor: 0, isStopping: false });
}

function connecting(panel: HostPanel, index: number): Step {
  const spec = HOST_FIELDS[index];
  if (spec === undefined) return read(panel);
  const preset = panel.connection[spec.id] ?? spec.preset ?? presetOf(spec, panel.connection);
  const field = openField(preset === undefined ? spec : { ...spec, preset });
  return stayIn({ ...panel, phase: { name: 'connecting', index, field }, cursor: 0, isStopping: false });
}

function presetOf({ id }: FieldSpec, { host }: HostConnection): string | undefined {
  return id === 'baseUrl' && host !== undefined ? `http://${host}:8080` : undefined;
}

function onConnecting(
  panel: HostPanel,
  phase: Extract<Phase, { name: 'connecting' }>,
  command: Command,
): Step {
  const { field, index } = phase;
  const step = onFieldCommand(field, command);
  switch (step.type) {
    case 'field':
      return stayIn({ ...panel, phase: { ...phase, field: step.field } });
    case 'back':
      return index === 0 ? BEHIND : connecting(panel, index - 1);
    case 'interrupt':
      return BEHIND;
    case 'entered': {
      const connection = { ...panel.connection, [field.spec.id]: step.value };
      return connecting({ ...panel, connection }, index + 1);
    }
  }
}

export function typeIntoHost(panel: HostPanel, text: string): HostPanel {
  const { phase } = panel;
  if (phase.name !== 'connecting') return panel;
  return { ...panel, phase: { ...phase, field: typeIntoField(phase.field, text) } };
}

export function onHostAnswer(panel: HostPanel, answer: HostAnswer): Step {
  const { phase } = panel;
  switch (answer.type) {
    case 'host-unknown':
      return connecting(panel, 0);
    case 'host-read':
      return chooseIn({ ...panel, connection: answer.connection }, answer.facts);
    case 'host-unreachable':
      return stayIn({
        ...panel,
        connection: answer.connection,
        phase: { name: 'unreachable', lines: answer.lines },
        cursor: 0,
        isStopping: false,
      });
    case 'host-edited': {
      if (phase.name !== 'editing') return stayIn(panel);
      const { facts, model } = phase;
      const { review } = answer;
      if (review.diff === '' && review.errors.length === 0)
        return chooseIn(panel, facts, 'Nothing was changed.');
      return stayIn({ ...panel, phase: { name: 'reviewing', facts, review, model }, cursor: 0 });
    }
    case 'host-step':
      if (phase.name !== 'applying') return stayIn(panel);
      return stayIn({ ...panel, phase: { ...phase, steps: [...phase.steps, answer.text] } });
    case 'host-applied': {
      const steps = phase.name === 'applying' ? phase.steps : [];
      return stayIn({
        ...panel,
        phase: { name: 'applied', steps, outcome: answer.outcome },
        cursor: 0,
        isStopping: false,
      });
    }
  }
}

export function onHostStopped(panel: HostPanel): Step {
  const { phase } = panel;
  return phase.name === 'editing' ? chooseIn(panel, phase.facts) : BEHIND;
}

export function hostView(panel: HostPanel): PanelView {
  const { phase, cursor } = panel;
  const view = { choices: choicesOf(panel), cursor, field: null };
  const title = panel.isStopping ? 'Stopping; waiting for running tasks to end' : 'Model host';
  switch (phase.name) {
    case 'looking':
      return { ...view, title, status: 'running', lines: [] };
    case 'connecting':
      return {
        ...view,
        title: 'How is the model host reached?',
        status: 'asking',
        field: phase.field,
        lines: HOST_FIELDS.slice(0, phase.index).map(({ id, name }) => ({
          text: `${name}: ${panel.connection[id] ?? ''}`,
          mark: 'done' as const,
        })),
      };
    case 'reading':
      return {
        ...view,
        title: panel.isStopping ? title : `Reading the configuration on ${panel.connection['host']}`,
        status: 'running',
        lines: [],
      };
    case 'unreachable':
      return {
        ...view,
        title: `The configuration on ${panel.connection['host']} cannot be read`,
        status: 'failed',
        lines: plainLines(phase.lines),
      };
    case 'choosing':
      return {
        ...view,
        title: 'What do you want to edit?',
        status: 'asking',
        lines: [
          { text: phase.facts.place, tone: 'faint' },
          ...phase.facts.warnings.map((text): PanelLine => ({ text, mark: 'warning' })),
          ...(phase.note === '' ? [] : [{ text: phase.note }]),
        ],
      };
    case 'editing':
      return {
        ...view,
        title: phase.model === null ? 'Waiting for the editor' : `Waiting for the editor: ${phase.model}`,
        status: 'running',
        lines: [],
      };
    case 'reviewing': {
      const { diff, errors } = phase.review;
      const isUsable = errors.length === 0;
      return {
        ...view,
        title: isUsable ? 'This is what changes' : 'The host would not take this',
        status: isUsable ? 'asking' : 'failed',
        lines: isUsable ? diffLines(diff) : plainLines(errors),
      };
    }
    case 'applying':
      return {
        ...view,
        title: panel.isStopping ? title : `Changing ${panel.connection['host']}`,
        status: 'running',
        lines: phase.steps.map((text, index) => ({
          text,
          mark: index === phase.steps.length - 1 ? 'running' : 'done',
        })),
      };
    case 'applied': {
      const { isOk, title: said, lines } = phase.outcome;
      return {
        ...view,
        title: said,
        status: isOk ? 'done' : 'failed',
        lines: [
          ...phase.steps.map((text, index): PanelLine => {
            const isLast = index === phase.steps.length - 1;
            return { text, mark: isOk || !isLast ? 'done' : 'failed' };
          }),
          ...plainLines(lines),
        ],
      };
    }
  }
}

function diffLines(diff: string): PanelLine[] {
  return diff.split('\n').map((line): PanelLine => {
    if (line.startsWith('+ ')) return { text: line.slice(2), mark: 'added' };
    if (line.startsWith('- ')) return { text: line.slice(2), mark: 'removed' };
    return { text: line, tone: 'faint' };
  });
}
