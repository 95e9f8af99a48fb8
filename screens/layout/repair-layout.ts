import { type RepairRun, repairPlanLines, repairStepLines } from '../../src/wizard/panels/repair-run.ts';
import { bodyRows, contentColumns, isShort, type Size } from './layout.ts';
import { type PanelRow, panelRows } from './panel-layout.ts';

export type Asking = Extract<RepairRun, { phase: 'asking' }>;
export type Running = Extract<RepairRun, { phase: 'running' }>;

/** The preview of a repair above its choices: scrollable rows, and their visible number. */
export function repairQuestionLayout({ plan }: Asking, size: Size): { rows: PanelRow[]; room: number } {
  const rows = panelRows(repairPlanLines(plan), contentColumns(size));
  return { rows, room: Math.max(1, bodyRows(size) - (isShort(size) ? 2 : 4)) };
}

/** The repairs of a run, above its log: as many as leave the log a few rows. */
export function repairingRows(run: Running, size: Size): PanelRow[] {
  const rows = repairStepLines(run).flatMap((line, index) =>
    panelRows([line], contentColumns(size))
      .slice(0, 1)
      .map((row) => ({ ...row, key: `${index}` })),
  );
  return rows.slice(0, Math.max(1, bodyRows(size) - 6));
}
