import type { SetupChanges } from './changes.ts';
import { type Choice, type Command, moved } from './command.ts';
import { type Field, onFieldCommand, openField, typeIntoField } from './field.ts';
import { BEHIND, type PanelLine, type PanelStep, type PanelView, stayIn } from './panel.ts';

/** A file that looks like a bundle. */
export interface BundleCandidate {
  path: string;
  /** `176 MB` */
  size: string;
  /** Why it cannot be used (yet); `null` when it can. */
  problem: string | null;
}

/** Where a bundle comes from, and what has arrived. */
export interface BundleFacts {
  /** What to run where there is a network. */
  command: string;
  /** What it writes: `ktx-0.3.0-linux-x64.bundle, about 91 MB`. */
  file: string;
  /** Folders that are watched. */
  folders: readonly string[];
  candidates: readonly BundleCandidate[];
}

/** The way for a machine that reaches nothing: a bundle, made elsewhere, is waited for. */
export interface BundlePanel {
  kind: 'bundle';
  facts: BundleFacts | null;
  /** What lay there from the start and still does is offered, not taken: it may be of last year. */
  known: readonly string[] | null;
  field: Field | null;
  /** The choice with the pointer by its name: files come and go in the list. `null`: nobody has looked at one yet. */
  pointedId: string | null;
}

/** Runs until it is cancelled, and tells its facts again whenever they change. */
export type BundleEffect = { type: 'watch-bundles' };
export type BundleAnswer = { type: 'bundles'; facts: BundleFacts };

type Step = PanelStep<BundlePanel, BundleEffect, SetupChanges>;

export function openBundle(): { panel: BundlePanel; effect: BundleEffect } {
  return {
    panel: { kind: 'bundle', facts: null, known: null, field: null, pointedId: null },
    effect: { type: 'watch-bundles' },
  };
}

function usable({ facts }: BundlePanel): readonly BundleCandidate[] {
  return (facts?.candidates ?? []).filter(({ problem }) => problem === null);
}

function choicesOf(panel: BundlePanel): readonly Choice<string>[] {
  return [
    ...usable(panel).map(({ path, size }) => ({ id: `use ${path}`, label: `Use ${path} (${size})` })),
    { id: 'name', label: 'Choose a file or folder …' },
    { id: 'back', label: 'Back' },
  ];
}

/** A file that is gone takes no pointer to its neighbour: nobody confirms what they did not point at. */
function cursorOf({ pointedId }: BundlePanel, choices: readonly Choice<string>[]): number {
  const at = (id: string | null) => choices.findIndex((choice) => choice.id === id);
  return pointedId === null ? 0 : at(pointedId) === -1 ? at('name') : at(pointedId);
}

export function onBundleCommand(panel: BundlePanel, command: Command): Step {
  if (panel.field !== null) {
    const step = onFieldCommand(panel.field, command);
    if (step.type === 'entered') return take(step.value);
    return stayIn({ ...panel, field: step.type === 'field' ? step.field : null });
  }
  if (command === 'back' || command === 'interrupt') return BEHIND;
  const choices = choicesOf(panel);
  const cursor = cursorOf(panel, choices);
  if (command !== 'confirm') {
    return stayIn({ ...panel, pointedId: choices[moved(cursor, command, choices.length)]!.id });
  }
  const { id } = choices[cursor]!;
  if (id.startsWith('use ')) return take(id.slice('use '.length));
  if (id === 'name') {
    const spec = { id: 'bundle', name: 'Bundle', type: 'folder' as const };
    return stayIn({ ...panel, field: openField(spec) });
  }
  return BEHIND;
}

function take(bundlePath: string): Step {
  return { exit: { to: 'plan', changes: { bundlePath } } };
}

export function typeIntoBundle(panel: BundlePanel, text: string): BundlePanel {
  return panel.field === null ? panel : { ...panel, field: typeIntoField(panel.field, text) };
}

/** A bundle that arrives while it is waited for is what was waited for. */
export function onBundleAnswer(panel: BundlePanel, { facts }: BundleAnswer): Step {
  const paths = usable({ ...panel, facts }).map(({ path }) => path);
  const known = panel.known?.filter((path) => paths.includes(path)) ?? paths;
  const arrived = paths.find((path) => !known.includes(path));
  if (arrived !== undefined && panel.field === null) return take(arrived);
  const next: BundlePanel = { ...panel, facts, known };
  const choices = choicesOf(next);
  return stayIn({ ...next, pointedId: choices[cursorOf(next, choices)]!.id });
}

export function bundleView(panel: BundlePanel): PanelView {
  const { facts, field } = panel;
  const choices = choicesOf(panel);
  const lines: PanelLine[] =
    facts === null
      ? []
      : [
          { text: 'On a machine with a network, run:' },
          { text: `  ${facts.command}`, tone: 'bold' },
          { text: `It writes ${facts.file}. Copy that into one of these folders:` },
          ...facts.folders.map((folder): PanelLine => ({ text: `  ${folder}` })),
          { text: '' },
          ...facts.candidates.map(
            ({ path, size, problem }): PanelLine =>
              problem === null
                ? { text: `${path} (${size})`, mark: 'done' }
                : { text: `${path} (${size}): ${problem}`, mark: 'warning' },
          ),
          ...(usable(panel).length > 0
            ? []
            : [{ text: 'Waiting for the bundle; ktx continues when it arrives', mark: 'running' as const }]),
        ];
  return {
    title: 'Install from a bundle, without a network',
    status: facts === null ? 'running' : 'asking',
    lines,
    choices,
    cursor: cursorOf(panel, choices),
    field,
  };
}
