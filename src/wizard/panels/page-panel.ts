import type { PlanRow, PlanSummary } from '../../core/events.ts';
import { said, saidValue, t } from '../../language/translate.ts';
import { formatBytes } from '../../support/text/format.ts';
import type { Command } from './command.ts';
import { BEHIND, type PanelStep, type PanelView, plainLines, stayIn } from './panel.ts';

/** A page to read. */
export type PageId = 'network';
type PageTitle = PageId | 'plan';

export interface PagePanel {
  kind: 'page';
  page: PageTitle;
  /** Shown at once, above what is read. */
  before: readonly string[];
  /** `null` while loading. */
  lines: readonly string[] | null;
  cursor: number;
}

export type PageEffect = { type: 'read-page'; page: PageId };
export type PageAnswer = { type: 'page-read'; lines: readonly string[] };

const TITLES: Record<PageTitle, string> = {
  network: 'Network settings, and where each comes from',
  plan: 'The whole plan, and the network settings',
};

export function openPage(page: PageId): { panel: PagePanel; effect: PageEffect } {
  return {
    panel: { kind: 'page', page, before: [], lines: null, cursor: 0 },
    effect: { type: 'read-page', page },
  };
}

/** Every line of a plan, also those that a small window leaves out, above the network settings. */
export function openPlanPage(summary: PlanSummary): { panel: PagePanel; effect: PageEffect } {
  const { panel, effect } = openPage('network');
  return { panel: { ...panel, page: 'plan', before: planLines(summary) }, effect };
}

/** The same page, read again. */
export function reopenPage(panel: PagePanel): { panel: PagePanel; effect: PageEffect } {
  return { panel: { ...panel, lines: null, cursor: 0 }, effect: { type: 'read-page', page: 'network' } };
}

function planLines({ rows, notes }: PlanSummary): string[] {
  return [
    ...rows.map(rowWords),
    ...notes.map(said),
    ...new Set(rows.flatMap(({ rejected }) => rejected).map((reason) => t`Passed over: ${reason}`)),
    '',
  ];
}

function rowWords({ label, action, from, place, downloadBytes, diskBytes }: PlanRow): string {
  const size =
    action === 'here'
      ? []
      : action === 'make'
        ? diskBytes === null
          ? []
          : [t`${formatBytes(diskBytes)} on disk`]
        : [downloadBytes === null ? t`size unknown` : saidValue(formatBytes(downloadBytes))];
  return `${said(label)}: ${[...(from === '' ? [] : [said(from)]), place, ...size].join(', ')}`;
}

export function onPageCommand(panel: PagePanel, command: Command): PanelStep<PagePanel, PageEffect> {
  return command === 'back' || command === 'confirm' || command === 'interrupt' ? BEHIND : stayIn(panel);
}

export function onPageAnswer(panel: PagePanel, { lines }: PageAnswer): PanelStep<PagePanel, PageEffect> {
  return stayIn({ ...panel, lines });
}

export function pageView({ page, before, lines, cursor }: PagePanel): PanelView {
  return {
    title: TITLES[page],
    status: lines === null ? 'running' : 'asking',
    lines: plainLines([...before, ...(lines ?? [])]),
    choices: [{ id: 'back', label: 'Back' }],
    cursor,
    field: null,
  };
}
