import type { Choice, Command } from './command.ts';
import { type Field, onFieldCommand, openField, typeIntoField } from './field.ts';
import {
  BEHIND,
  movedIn,
  type PanelLine,
  type PanelStep,
  type PanelView,
  plainLines,
  stayIn,
} from './panel.ts';

/** The language model in a project's `ktx.yaml`, and the possible choices. */
export interface ModelFacts {
  path: string;
  backend: string | null;
  model: string | null;
  /** `presetModel`: suggested for this backend; `isProbed`: ktx can call it itself. */
  backends: readonly { id: string; label: string; presetModel: string; isProbed: boolean }[];
}

export interface ModelChoice {
  backend: string;
  model: string;
}

export interface ProbeResult {
  isOk: boolean;
  lines: readonly string[];
  /** `llm.provider.backend: codex`, one line per changed key. */
  edits: readonly string[];
}

type Phase =
  | { name: 'looking' }
  | { name: 'choosing' }
  | { name: 'naming'; backend: string; field: Field }
  | { name: 'probing'; chosen: ModelChoice }
  | { name: 'answered'; chosen: ModelChoice; result: ProbeResult }
  | { name: 'writing'; chosen: ModelChoice }
  | { name: 'written'; lines: readonly string[] };

/** The language model of a project: choose a backend, test it live, save the choice. */
export interface ModelPanel {
  kind: 'model';
  facts: ModelFacts | null;
  phase: Phase;
  cursor: number;
  isStopping: boolean;
}

export type ModelEffect =
  | { type: 'read-model' }
  | ({ type: 'probe-model' } & ModelChoice)
  | ({ type: 'write-model' } & ModelChoice);

export type ModelAnswer =
  | { type: 'model-read'; facts: ModelFacts }
  | { type: 'model-probed'; result: ProbeResult }
  | { type: 'model-written'; lines: readonly string[] };

type Step = PanelStep<ModelPanel, ModelEffect>;

export function openModel(): { panel: ModelPanel; effect: ModelEffect } {
  return {
    panel: { kind: 'model', facts: null, phase: { name: 'looking' }, cursor: 0, isStopping: false },
    effect: { type: 'read-model' },
  };
}

const BACK: Choice<string> = { id: 'back', label: 'Back' };

function choicesOf({ phase, facts }: ModelPanel): readonly Choice<string>[] {
  switch (phase.name) {
    case 'choosing':
      return [...(facts?.backends ?? []), BACK];
    case 'answered':
      return [
        ...(phase.result.isOk ? [{ id: 'write', label: 'Write it to ktx.yaml' }] : []),
        ...(phase.result.isOk ? [] : [{ id: 'again', label: 'Ask again' }]),
        { id: 'rename', label: 'Another model' },
        { id: 'choose', label: 'Another backend' },
        BACK,
      ];
    case 'written':
      return [{ id: 'back', label: 'Done' }];
    default:
      return [];
  }
}

export function isModelBusy({ phase: { name } }: ModelPanel): boolean {
  return name === 'looking' || name === 'probing' || name === 'writing';
}

export function onModelCommand(panel: ModelPanel, command: Command): Step {
  const { phase } = panel;
  if (phase.name === 'naming') return onName(panel, phase, command);
  if (isModelBusy(panel)) {
    if (phase.name === 'looking' && command === 'back') return BEHIND;
    const isStop = (command === 'interrupt' || command === 'back') && phase.name === 'probing';
    return isStop && !panel.isStopping
      ? { panel: { ...panel, isStopping: true }, effect: 'cancel' }
      : stayIn(panel);
  }
  const choices = choicesOf(panel);
  if (command === 'back') return phase.name === 'answered' ? choosing(panel) : BEHIND;
  if (command !== 'confirm') return movedIn(panel, command, choices.length) ?? stayIn(panel);
  const id = choices[panel.cursor]?.id ?? 'back';
  if (phase.name === 'choosing' && id !== 'back') return naming(panel, id);
  if (phase.name !== 'answered') return BEHIND;
  switch (id) {
    case 'write':
      return {
        panel: { ...panel, phase: { name: 'writing', chosen: phase.chosen } },
        effect: { type: 'write-model', ...phase.chosen },
      };
    case 'again':
      return probe(panel, phase.chosen);
    case 'rename':
      return naming(panel, phase.chosen.backend, phase.chosen.model);
    case 'choose':
      return choosing(panel);
    default:
      return BEHIND;
  }
}

function choosing(panel: ModelPanel): Step {
  const { facts } = panel;
  const index = facts?.backends.findIndex(({ id }) => id === facts.backend) ?? 0;
  return stayIn({ ...panel, phase: { name: 'choosing' }, cursor: Math.max(0, index), isStopping: false });
}

function naming(panel: ModelPanel, backend: string, text = ''): Step {
  const { facts } = panel;
  const found = facts?.backends.find(({ id }) => id === backend);
  const isCurrent = facts?.backend === backend && facts.model !== null;
  const preset = (isCurrent ? facts.model : found?.presetModel) ?? '';
  const spec = { id: 'model', name: `Model for ${found?.label ?? backend}`, type: 'text' as const };
  const field = openField(preset === '' ? spec : { ...spec, preset }, text);
  return stayIn({ ...panel, phase: { name: 'naming', backend, field }, cursor: 0 });
}

function onName(panel: ModelPanel, phase: Extract<Phase, { name: 'naming' }>, command: Command): Step {
  const step = onFieldCommand(phase.field, command);
  if (step.type === 'entered') return probe(panel, { backend: phase.backend, model: step.value });
  return step.type === 'field'
    ? stayIn({ ...panel, phase: { ...phase, field: step.field } })
    : choosing(panel);
}

function probe(panel: ModelPanel, chosen: ModelChoice): Step {
  return {
    panel: { ...panel, phase: { name: 'probing', chosen }, cursor: 0 },
    effect: { type: 'probe-model', ...chosen },
  };
}

export function typeIntoModel(panel: ModelPanel, text: string): ModelPanel {
  const { phase } = panel;
  if (phase.name !== 'naming') return panel;
  return { ...panel, phase: { ...phase, field: typeIntoField(phase.field, text) } };
}

export function onModelAnswer(panel: ModelPanel, answer: ModelAnswer): Step {
  const { phase } = panel;
  switch (answer.type) {
    case 'model-read':
      return choosing({ ...panel, facts: answer.facts });
    case 'model-probed':
      if (phase.name !== 'probing') return stayIn(panel);
      return stayIn({
        ...panel,
        phase: { name: 'answered', chosen: phase.chosen, result: answer.result },
        cursor: 0,
        isStopping: false,
      });
    case 'model-written':
      return stayIn({ ...panel, phase: { name: 'written', lines: answer.lines }, cursor: 0 });
  }
}

export function onModelStopped(panel: ModelPanel): Step {
  return panel.facts === null ? BEHIND : choosing(panel);
}

export function modelView(panel: ModelPanel): PanelView {
  const { phase, facts, cursor } = panel;
  const view = { choices: choicesOf(panel), cursor, field: null, lines: [] as PanelLine[] };
  const chosenWords = ({ backend, model }: ModelChoice) => `${backend} (${model})`;
  switch (phase.name) {
    case 'looking':
      return { ...view, title: 'Language model of this project', status: 'running' };
    case 'choosing':
      return {
        ...view,
        title: 'Which language model should this project use?',
        status: 'asking',
        lines: [
          {
            text: facts?.backend
              ? `Now: ${facts.backend} (${facts.model ?? 'no model named'})`
              : 'Now: none is chosen',
            tone: 'faint',
          },
          { text: facts?.path ?? '', tone: 'faint' },
        ],
      };
    case 'naming':
      return {
        ...view,
        title: 'Which model?',
        status: 'asking',
        field: phase.field,
        lines: plainLines(['It is asked once before anything is written.'], 'faint'),
      };
    case 'probing':
      return {
        ...view,
        title: panel.isStopping ? 'Stopping …' : `Asking ${chosenWords(phase.chosen)} for one word`,
        status: 'running',
        lines: plainLines(['This can take up to a minute where there is no network.'], 'faint'),
      };
    case 'answered': {
      const { isOk, lines, edits } = phase.result;
      return {
        ...view,
        title: isOk ? chosenWords(phase.chosen) : `${chosenWords(phase.chosen)} cannot be used`,
        status: isOk ? 'asking' : 'failed',
        lines: [
          ...lines.map((text): PanelLine => ({ text, ...(isOk ? {} : { tone: 'plain' as const }) })),
          ...(isOk
            ? [
                { text: '' },
                { text: 'Will be set in ktx.yaml; everything else stays as it is:' },
                ...edits.map((text): PanelLine => ({ text, mark: 'added' })),
              ]
            : [{ text: '' }, { text: 'Nothing was written.', tone: 'faint' as const }]),
        ],
      };
    }
    case 'writing':
      return { ...view, title: 'Writing ktx.yaml', status: 'running' };
    case 'written':
      return {
        ...view,
        title: 'The language model is chosen',
        status: 'done',
        lines: plainLines(phase.lines),
      };
  }
}
