import type { Command } from './command.ts';
import { BEHIND, type PanelStep, type PanelView, plainLines, stayIn } from './panel.ts';

/** A page to read. */
export type PageId = 'network';

export interface PagePanel {
  kind: 'page';
  page: PageId;
  /** `null` while loading. */
  lines: readonly string[] | null;
  cursor: number;
}

export type PageEffect = { type: 'read-page'; page: PageId };
export type PageAnswer = { type: 'page-read'; lines: readonly string[] };

const TITLES: Record<PageId, string> = { network: 'Network settings, and where each comes from' };

export function openPage(page: PageId): { panel: PagePanel; effect: PageEffect } {
  return { panel: { kind: 'page', page, lines: null, cursor: 0 }, effect: { type: 'read-page', page } };
}

export function onPageCommand(panel: PagePanel, command: Command): PanelStep<PagePanel, PageEffect> {
  return command === 'back' || command === 'confirm' || command === 'interrupt' ? BEHIND : stayIn(panel);
}

export function onPageAnswer(panel: PagePanel, { lines }: PageAnswer): PanelStep<PagePanel, PageEffect> {
  return stayIn({ ...panel, lines });
}

export function pageView({ page, lines, cursor }: PagePanel): PanelView {
  return {
    title: TITLES[page],
    status: lines === null ? 'running' : 'asking',
    lines: plainLines(lines ?? []),
    choices: [{ id: 'back', label: 'Back' }],
    cursor,
    field: null,
  };
}
