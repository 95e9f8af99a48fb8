import type { CheckResult, CheckStatus } from '../../src/core/events.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';
import type { UndoTarget } from '../../src/wizard/functions.ts';
import type { CheckState } from '../../src/wizard/state.ts';
import { GLYPH, type Tone } from '../style/theme.ts';
import { shortHome } from '../style/words.ts';

/** One row of the check screen. */
export interface CheckRow {
  key: string;
  indent: 0 | 2 | 4;
  glyph: string;
  tone: Tone;
  label: string;
  detail: string;
  isHeading: boolean;
}

const STATUS: Record<CheckStatus, { glyph: string; tone: Tone }> = {
  pass: { glyph: GLYPH.done, tone: 'good' },
  warn: { glyph: GLYPH.warning, tone: 'warning' },
  fail: { glyph: GLYPH.failed, tone: 'bad' },
  'could-not-check': { glyph: '?', tone: 'warning' },
  skipped: { glyph: GLYPH.skipped, tone: 'faint' },
};

/** Below this, details stand under their label and not beside it. */
const BESIDE_COLUMNS = 64;

/** Columns of glyph and label, indentation included. */
export function labelColumns(columns: number): number {
  return columns < BESIDE_COLUMNS ? 18 : 32;
}

const WORST_FIRST: readonly CheckStatus[] = ['fail', 'warn', 'could-not-check', 'skipped', 'pass'];

/** Groups in the order of their first check; a group where all is well is one line, as long as nobody asks for details. */
export function checkRows(
  state: Pick<CheckState, 'checks' | 'areDetailsOpen' | 'undo' | 'undone'>,
  columns: number,
  homeDir: string,
): readonly CheckRow[] {
  const checks = state.checks.map((check) => ({ ...check, detail: shortHome(check.detail, homeDir) }));
  const groups = Map.groupBy(checks, (check) => check.group);
  const { undo, undone } = state;
  return [
    ...(undone
      ? [environmentRow(undone.direction === 'back' ? 'Back to' : 'Forward to', undone.to, 'accent')]
      : []),
    ...[...groups].flatMap(([group, checks]) => groupRows(group, checks, state.areDetailsOpen, columns)),
    ...(undo && !undone ? [environmentRow('u goes back to', undo.to, 'faint')] : []),
  ];
}

function environmentRow(label: string, { features, installedAt }: UndoTarget['to'], tone: Tone): CheckRow {
  const minute = installedAt.slice(0, 16).replace('T', ' ');
  return {
    key: label,
    indent: 0,
    glyph: GLYPH.pointer,
    tone,
    label,
    detail: `${features.join(' + ')}, of ${minute} UTC`,
    isHeading: false,
  };
}

function groupRows(
  group: string,
  checks: readonly CheckResult[],
  areDetailsOpen: boolean,
  columns: number,
): CheckRow[] {
  const present = WORST_FIRST.filter((status) => checks.some((check) => check.status === status));
  // A group is only skipped when all of it is; one skipped check does not dim those that passed.
  const worst = present.find((status) => status !== 'skipped') ?? 'skipped';
  const heading: CheckRow = {
    key: group,
    indent: 0,
    ...STATUS[worst],
    label: group,
    detail: groupWords(checks, worst),
    isHeading: true,
  };
  const shown = areDetailsOpen ? checks : checks.filter((check) => isWorthALine(check));
  const rest = areDetailsOpen || shown.length === 0 ? [] : checks.filter((check) => check.status === 'pass');
  return [
    heading,
    ...shown.flatMap((check) => rowsOf(check, columns)),
    ...(rest.length === 0
      ? []
      : [
          {
            key: `${group} rest`,
            indent: 2 as const,
            ...STATUS.pass,
            label: rest.map((check) => check.label).join(' · '),
            detail: '',
            isHeading: false,
          },
        ]),
  ];
}

function isWorthALine(check: CheckResult): boolean {
  return check.status === 'fail' || check.status === 'warn' || check.status === 'could-not-check';
}

function rowsOf(check: CheckResult, columns: number): CheckRow[] {
  const isBeside = columns >= BESIDE_COLUMNS;
  const row: CheckRow = {
    key: check.id,
    indent: 2,
    ...STATUS[check.status],
    label: check.label,
    detail: '',
    isHeading: false,
  };
  const width = isBeside ? columns - labelColumns(columns) - 4 : columns - 6;
  const lines = wrapWords(check.detail, width).map(
    (detail, index): CheckRow => ({
      ...row,
      key: `${check.id} ${index}`,
      indent: isBeside ? 2 : 4,
      glyph: ' ',
      label: isBeside ? ' ' : '',
      detail,
    }),
  );
  const [first] = lines;
  const rows = isBeside && first ? [{ ...row, detail: first.detail }, ...lines.slice(1)] : [row, ...lines];
  if (!check.fix) return rows;
  const fix: CheckRow = {
    key: `${check.id} fix`,
    indent: 4,
    glyph: GLYPH.pointer,
    tone: 'accent',
    label: '',
    detail: check.fix,
    isHeading: false,
  };
  return [...rows, fix];
}

function groupWords(checks: readonly CheckResult[], worst: CheckStatus): string {
  const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length;
  const all = checks.length === 1 ? '1 check' : `${checks.length} checks`;
  if (worst === 'fail') {
    return `${count('fail')} of ${checks.length} ${count('fail') === 1 ? 'needs' : 'need'} attention`;
  }
  if (worst === 'warn') return count('warn') === 1 ? '1 warning' : `${count('warn')} warnings`;
  if (worst === 'could-not-check')
    return `${count('could-not-check')} of ${checks.length} could not be checked`;
  if (worst === 'skipped') return `skipped: ${checks[0]?.detail ?? ''}`;
  return all;
}
