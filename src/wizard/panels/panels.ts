import {
  type ActionAnswer,
  type ActionEffect,
  type ActionOutcome,
  type ActionPanel,
  actionView,
  onActionAnswer,
  onActionCommand,
  onActionStopped,
} from './action-panel.ts';
import {
  type BundleAnswer,
  type BundleEffect,
  type BundlePanel,
  bundleView,
  onBundleAnswer,
  onBundleCommand,
  typeIntoBundle,
} from './bundle-panel.ts';
import type { SetupChanges } from './changes.ts';
import type { Command } from './command.ts';
import type { Field } from './field.ts';
import {
  type HostAnswer,
  type HostEffect,
  type HostPanel,
  hostView,
  isHostBusy,
  onHostAnswer,
  onHostCommand,
  onHostStopped,
  typeIntoHost,
} from './host-panel.ts';
import type { MendAnswer, MendEffect } from './mend-task.ts';
import {
  isModelBusy,
  type ModelAnswer,
  type ModelEffect,
  type ModelPanel,
  modelView,
  onModelAnswer,
  onModelCommand,
  onModelStopped,
  typeIntoModel,
} from './model-panel.ts';
import {
  onPageAnswer,
  onPageCommand,
  type PageAnswer,
  type PageEffect,
  type PagePanel,
  pageView,
} from './page-panel.ts';
import { BEHIND, type PanelStep, type PanelView, stayIn } from './panel.ts';
import {
  onSourcesAnswer,
  onSourcesCommand,
  onSourcesRefused,
  type SourcesAnswer,
  type SourcesEffect,
  type SourcesPanel,
  sourcesView,
  typeIntoSources,
} from './sources-panel.ts';

/** A task beside the installation. All panels are drawn by one screen. */
export type Panel = ActionPanel | BundlePanel | HostPanel | ModelPanel | PagePanel | SourcesPanel;

/** Work requested by a panel; its result is a `PanelAnswer`. */
export type PanelEffect =
  | ActionEffect
  | BundleEffect
  | HostEffect
  | MendEffect
  | ModelEffect
  | PageEffect
  | SourcesEffect;

export type PanelAnswer =
  | ActionAnswer
  | BundleAnswer
  | HostAnswer
  | MendAnswer
  | ModelAnswer
  | PageAnswer
  | SourcesAnswer;

export type AnyStep = PanelStep<Panel, PanelEffect, SetupChanges>;

export function onPanelCommand(panel: Panel, command: Command): AnyStep {
  switch (panel.kind) {
    case 'action':
      return onActionCommand(panel, command);
    case 'bundle':
      return onBundleCommand(panel, command);
    case 'host':
      return onHostCommand(panel, command);
    case 'model':
      return onModelCommand(panel, command);
    case 'page':
      return onPageCommand(panel, command);
    case 'sources':
      return onSourcesCommand(panel, command);
  }
}

/** Ignores an answer meant for another panel. */
export function onPanelAnswer(panel: Panel, answer: PanelAnswer): AnyStep {
  switch (answer.type) {
    case 'action-previewed':
    case 'action-done':
      return panel.kind === 'action' ? onActionAnswer(panel, answer) : stayIn(panel);
    case 'bundles':
      return panel.kind === 'bundle' ? onBundleAnswer(panel, answer) : stayIn(panel);
    case 'model-read':
    case 'model-probed':
    case 'model-written':
      return panel.kind === 'model' ? onModelAnswer(panel, answer) : stayIn(panel);
    case 'page-read':
      return panel.kind === 'page' ? onPageAnswer(panel, answer) : stayIn(panel);
    case 'mended':
    case 'sources-read':
      return panel.kind === 'sources' ? onSourcesAnswer(panel, answer) : stayIn(panel);
    default:
      return panel.kind === 'host' ? onHostAnswer(panel, answer) : stayIn(panel);
  }
}

/** The aborted work has ended. */
export function onPanelStopped(panel: Panel): AnyStep {
  switch (panel.kind) {
    case 'action':
      return onActionStopped(panel);
    case 'host':
      return onHostStopped(panel);
    case 'model':
      return onModelStopped(panel);
    case 'bundle':
    case 'sources':
      return stayIn(panel);
    case 'page':
      return BEHIND;
  }
}

/** A rejected value stays in its field; `null` when there is no field to show the failure at. */
export function onPanelRefused(panel: Panel, problem: string): Panel | null {
  return panel.kind === 'sources' && panel.isStoring ? onSourcesRefused(panel, problem) : null;
}

export function typeIntoPanel(panel: Panel, text: string): Panel {
  switch (panel.kind) {
    case 'bundle':
      return typeIntoBundle(panel, text);
    case 'host':
      return typeIntoHost(panel, text);
    case 'model':
      return typeIntoModel(panel, text);
    case 'sources':
      return typeIntoSources(panel, text);
    default:
      return panel;
  }
}

/** Shows what the panel is waiting for, such as `Waiting for another ktx`. */
export function notePanel(panel: Panel, text: string): Panel {
  return panel.kind === 'action' ? { ...panel, notes: [...panel.notes, text].slice(-20) } : panel;
}

export function panelView(panel: Panel): PanelView {
  switch (panel.kind) {
    case 'action':
      return actionView(panel);
    case 'bundle':
      return bundleView(panel);
    case 'host':
      return hostView(panel);
    case 'model':
      return modelView(panel);
    case 'page':
      return pageView(panel);
    case 'sources':
      return sourcesView(panel);
  }
}

/** The field that receives typed text; `null` when none is open. */
export function panelField(panel: Panel): Field | null {
  return panelView(panel).field;
}

/** True while work runs whose interruption changes the exit code. */
export function isPanelBusy(panel: Panel): boolean {
  switch (panel.kind) {
    case 'action':
      return panel.phase.name === 'looking' || panel.phase.name === 'running';
    case 'host':
      return isHostBusy(panel);
    case 'model':
      return isModelBusy(panel);
    case 'page':
      return panel.lines === null;
    case 'sources':
      return panel.isStoring;
    case 'bundle':
      return false;
  }
}

/** The completed work of a panel; `null` before, and for panels that do none. */
export function panelOutcome(panel: Panel): ActionOutcome | null {
  if (panel.kind === 'action') return panel.phase.name === 'done' ? panel.phase.outcome : null;
  if (panel.kind === 'host') return panel.phase.name === 'applied' ? panel.phase.outcome : null;
  if (panel.kind !== 'model' || panel.phase.name !== 'written') return null;
  return { isOk: true, title: 'The language model is chosen', lines: panel.phase.lines };
}
