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

/** How to get a bundle, and the files found so far. */
export interface BundleFacts {
  /** The command to run on a machine with network access. */
  command: string;
  /** The file it writes: `ktx-0.3.0-linux-x64.bundle, about 91 MB`. */
  file: string;
  /** Watched folders. */
  folders: readonly string[];
  candidates: readonly BundleCandidate[];
}

/** For a machine without any network access: waits for a bundle made elsewhere. */
export interface BundlePanel {
  kind: 'bundle';
  facts: BundleFacts | null;
  /**
   * Bundles that were there from the start and still are: offered, not used automatically, since they may be
   * outdated.
   */
  known: readonly string[] | null;
  field: Field | null;
  /**
   * Id of the choice at the pointer: files come and go in the list. `null`: the pointer has not been moved
   * yet.
   */
  pointedId: string | null;
}

/** Runs until it is cancelled, and sends its facts whenever they change. */
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

/**
 * When a file disappears the pointer does not move to its neighbour: the user must not confirm what they did
 * not select.
 */
function cursorOf({ pointedId }: BundlePanel, choices: readonly Choice<string>[]): number {
  if (pointedId === null) return 0;
  const at = (id: string) => choices.findIndex((choice) => choice.id === id);
  return at(pointedId) === -1 ? at('name') : at(pointedId);
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

/** A bundle that arrives while waiting is used. */
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
