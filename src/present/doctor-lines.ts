import type { CheckStatus } from '../core/events.ts';
import type { DoctorResult } from '../doctor/events.ts';
import type { RepairStep } from '../doctor/repairs/repair.ts';
import { formatBytesOrUnknown } from '../support/text/format.ts';

const MARKS: Record<CheckStatus, string> = {
  pass: '✓',
  warn: '!',
  fail: '✗',
  'could-not-check': '?',
  skipped: '–',
};

/** Checks by group, one line each; a failed check is followed by its fix. */
export function checkLines(results: readonly DoctorResult[]): string[] {
  const groups = [...new Set(results.map(({ group }) => group))];
  return groups.flatMap((group) => [
    group,
    ...results.filter((result) => result.group === group).flatMap(linesOf),
  ]);
}

function linesOf({ status, label, detail, fix, repairs = [] }: DoctorResult): string[] {
  return [
    `  ${MARKS[status]} ${label.padEnd(32)} ${detail}`,
    ...(repairs.length > 0 ? [`      repair: ${repairs.join(' or ')}`] : []),
    ...(fix === undefined ? [] : [`      ${fix}`]),
  ];
}

/** A preview of a repair. */
export function repairStepLines({
  id,
  label,
  what,
  paths,
  downloadBytes,
  hosts,
  worksOffline,
  canUndo,
}: RepairStep): string[] {
  const network = worksOffline
    ? 'works offline'
    : `${formatBytesOrUnknown(downloadBytes)} to download${hosts.length > 0 ? ` from ${hosts.join(', ')}` : ''}`;
  return [
    `${label} (${id})`,
    `  ${what}`,
    `  ${network}; ${canUndo ? 'can be undone' : 'cannot be undone'}`,
    ...paths.map((path) => `  changes ${path}`),
  ];
}
