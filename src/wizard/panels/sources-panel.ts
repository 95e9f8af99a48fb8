import { t } from '../../language/translate.ts';
import { pythonOf, type SetupChanges } from './changes.ts';
import type { Choice, Command } from './command.ts';
import { type Field, type FieldSpec, onFieldCommand, openField, typeIntoField } from './field.ts';
import type { MendAnswer, MendEffect } from './mend-task.ts';
import { BEHIND, movedIn, type PanelStep, type PanelView, plainLines, stayIn } from './panel.ts';

/** The parts of a plan that can be changed before it is confirmed. */
export interface SourcesPanel {
  kind: 'sources';
  cursor: number;
  field: Field | null;
  isStoring: boolean;
  /** What is set now, with its origin, by source. */
  current: Readonly<Record<string, string>>;
}

export type SourcesEffect = { type: 'read-sources' };
export type SourcesAnswer = { type: 'sources-read'; current: Readonly<Record<string, string>> };

type Step = PanelStep<SourcesPanel, MendEffect, SetupChanges>;

interface Source extends Choice<string> {
  spec: FieldSpec;
  /** A stored setting for all runs; otherwise the change applies to this run. */
  setting?: string;
  changes?: (value: string) => SetupChanges;
}

const SOURCES: readonly Source[] = [
  source('index', 'Package index', 'url', { changes: (indexUrl) => ({ indexUrl }) }),
  source('python', 'Python version or path', 'python', { changes: (value) => ({ python: pythonOf(value) }) }),
  source('proxy', 'Proxy', 'host', { setting: 'proxy' }),
  source('no-proxy', 'Hosts without the proxy', 'text', { setting: 'no-proxy' }),
  source('ca-file', 'Certificate file', 'file', { setting: 'ca-file' }),
  source('python-mirror', 'Mirror of the Python builds', 'url', { setting: 'python-mirror' }),
  source('model-hub', 'Model hub', 'url', { setting: 'model-hub' }),
  source('folder', 'Folder of the runtime', 'folder', { changes: (runtimeRoot) => ({ runtimeRoot }) }),
];

function source(
  id: string,
  name: string,
  type: FieldSpec['type'],
  more: Pick<Source, 'setting' | 'changes'>,
): Source {
  return { id, label: `${name} …`, spec: { id, name, type }, ...more };
}

export function openSources(): { panel: SourcesPanel; effect: SourcesEffect } {
  return {
    panel: { kind: 'sources', cursor: 0, field: null, isStoring: false, current: {} },
    effect: { type: 'read-sources' },
  };
}

const CHOICES: readonly Choice<string>[] = [...SOURCES, { id: 'back', label: 'Back' }];

export function onSourcesCommand(panel: SourcesPanel, command: Command): Step {
  const { field } = panel;
  if (panel.isStoring) return stayIn(panel);
  if (field === null) {
    if (command === 'back' || command === 'interrupt') return BEHIND;
    if (command !== 'confirm') return movedIn(panel, command, CHOICES.length) ?? stayIn(panel);
    const chosen = SOURCES[panel.cursor];
    return chosen ? stayIn({ ...panel, field: openField(chosen.spec) }) : BEHIND;
  }
  const step = onFieldCommand(field, command);
  if (step.type === 'entered') return use(panel, field.spec.id, step.value);
  return stayIn({ ...panel, field: step.type === 'field' ? step.field : null });
}

function use(panel: SourcesPanel, sourceId: string, value: string): Step {
  const found = SOURCES.find(({ id }) => id === sourceId);
  if (found?.changes) return { exit: { to: 'plan', changes: found.changes(value) } };
  return {
    panel: { ...panel, isStoring: true },
    effect: { type: 'mend', task: { kind: 'store-setting', name: found?.setting ?? sourceId, value } },
  };
}

export function typeIntoSources(panel: SourcesPanel, text: string): SourcesPanel {
  if (panel.field === null || panel.isStoring) return panel;
  return { ...panel, field: typeIntoField(panel.field, text) };
}

export function onSourcesAnswer(panel: SourcesPanel, answer: MendAnswer | SourcesAnswer): Step {
  if (answer.type === 'sources-read') return stayIn({ ...panel, current: answer.current });
  return { exit: { to: 'plan', changes: {} } };
}

/** A rejected value stays in its field, with the reason. */
export function onSourcesRefused(panel: SourcesPanel, problem: string): SourcesPanel {
  return { ...panel, isStoring: false, field: panel.field && { ...panel.field, problem } };
}

export function sourcesView({ cursor, field, isStoring, current }: SourcesPanel): PanelView {
  const isKept = SOURCES.some(({ id, setting }) => id === field?.spec.id && setting !== undefined);
  const now = field && current[field.spec.id];
  const notes = [
    ...(now ? [t`Now: ${now}`] : []),
    ...(field?.spec.id === 'index'
      ? ['A login can be part of the address, or stand in ~/.netrc; it is never shown or logged.']
      : []),
    isKept
      ? 'It is kept for later runs too; ktx admin network unset forgets it.'
      : field === null
        ? 'ktx plans again with what you change.'
        : 'It applies to this run only.',
  ];
  return {
    title: 'What do you want to change?',
    status: isStoring ? 'running' : 'asking',
    lines: plainLines(notes, 'faint'),
    choices: CHOICES.map((choice) => {
      const about = current[choice.id];
      return about === undefined ? choice : { ...choice, about };
    }),
    cursor,
    field,
  };
}
