import type { CutRow } from './rows.ts';

const HEAD = [
  'power cut',
  'at',
  'images',
  'none yet',
  'old works',
  'new works',
  'not ready, mended',
  'broken',
] as const;
type Cells = readonly (string | number)[];

export const cutHead = (): string => lineOf(HEAD);

/** A row for people, and each broken image by itself. */
export function cutLines(row: CutRow): string {
  return [lineOf(cellsOf(row)), ...row.broken.map((text) => `  ${nameOf(row)}, ${text}`)].join('\n');
}

export function cutTotal(rows: readonly CutRow[]): string {
  const cells = rows.map(cellsOf);
  const sum = (column: number) => cells.reduce((total, row) => total + Number(row[column]), 0);
  return lineOf(['in all', '', ...[2, 3, 4, 5, 6, 7].map(sum)]);
}

export function cutTable(rows: readonly CutRow[]): string {
  return [cutHead(), ...rows.map(cutLines), cutTotal(rows)].join('\n');
}

function nameOf({ scenario, overlay }: CutRow): string {
  return overlay === null ? scenario : `${scenario}, overlay, redirect_dir=${overlay}`;
}

function cellsOf(row: CutRow): Cells {
  const { where, images, answers, broken } = row;
  const counts = [answers.none, answers.old, answers.new, answers['not ready']];
  return [nameOf(row), where, images, ...counts, broken.length];
}

function lineOf(cells: Cells): string {
  return cells
    .map((cell, column) =>
      column < 2 ? String(cell).padEnd(column === 0 ? 36 : 16) : String(cell).padStart(18),
    )
    .join('');
}
