import type { CheckResult, CheckStatus } from '../../src/core/events.ts';
import { said, t } from '../../src/language/translate.ts';
import { startCommand } from '../../src/present/farewell.ts';
import { personText } from '../../src/present/person-text.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import { formatCount } from '../../src/support/text/format.ts';
import { localMinute } from '../../src/support/text/local-time.ts';
import { wrapWords } from '../../src/support/text/wrap-words.ts';
import type { UndoTarget } from '../../src/wizard/functions.ts';
import type { PanelLine } from '../../src/wizard/panels/panel.ts';
import { repairNews } from '../../src/wizard/panels/repair-run.ts';
import type { CheckListing, CheckState } from '../../src/wizard/state.ts';
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

/** In fewer columns, details go below their label instead of next to it. */
const BESIDE_COLUMNS = 64;

const NARROW_LABEL_COLUMNS = 18;
const LEAST_LABEL_COLUMNS = 32;

/** Width of indentation, glyph and label, with a gap: as wide as the longest label, but no half of a window. */
export function labelColumns(columns: number, { checks, listed, proof }: Labelled): number {
  if (columns < BESIDE_COLUMNS) {
    const groups = [...checks, ...listed].map(({ group }) => columnsOf(said(group)) + 3);
    return Math.min(Math.floor(columns / 2), Math.max(NARROW_LABEL_COLUMNS, ...groups));
  }
  const labels = [...checks, ...listed, ...proof].map(({ label }) => columnsOf(said(label)) + 6);
  const most = Math.max(LEAST_LABEL_COLUMNS, Math.floor(columns * 0.45));
  return Math.min(most, Math.max(LEAST_LABEL_COLUMNS, ...labels));
}

type Labelled = Pick<CheckState, 'checks' | 'listed' | 'proof'>;

const WORST_FIRST: readonly CheckStatus[] = ['fail', 'warn', 'could-not-check', 'skipped', 'pass'];

type Shown = Pick<
  CheckState,
  | 'checks'
  | 'listed'
  | 'running'
  | 'waiting'
  | 'proof'
  | 'areDetailsOpen'
  | 'undo'
  | 'undone'
  | 'repair'
  | 'notice'
  | 'known'
  | 'result'
  | 'isRunning'
  | 'hasLog'
>;

/**
 * Groups in the doctor's order. A group that passed is a single line unless details are shown; fresh proof
 * results are always expanded.
 */
export function checkRows(state: Shown, columns: number, homeDir: string): readonly CheckRow[] {
  const short = (check: CheckResult) => ({
    ...check,
    label: said(check.label),
    detail: shortHome(said(check.detail), homeDir),
  });
  const { undo, undone, areDetailsOpen } = state;
  const width = { columns, labelWidth: labelColumns(columns, state) };
  const news = repairNews(state.repair) ?? (state.notice === null ? null : { text: state.notice });
  const proof = state.proof.map(short);
  const rowsOfGroup = ({ group, checks, pending, isNew }: Group) =>
    pending.length > 0
      ? runningRows(said(group), checks.length, pending, state)
      : groupRows(said(group), checks.map(short), areDetailsOpen || isNew, width);
  return [
    ...(news ? newsRows(news, columns, homeDir) : []),
    ...(undone ? environmentRows(undone, GLYPH.done, 'good', columns) : []),
    ...whatNext(state, columns, homeDir),
    ...groupsOf(state)
      .filter(({ isNew }) => isNew)
      .flatMap(rowsOfGroup),
    ...(proof.length > 0 ? groupRows(t`Proven`, proof, true, width) : []),
    ...groupsOf(state)
      .filter(({ isNew }) => !isNew)
      .flatMap(rowsOfGroup),
    // After a repair `u` undoes the repair.
    ...(undo && state.repair?.phase !== 'done' ? environmentRows(undo, GLYPH.pointer, 'faint', columns) : []),
  ];
}

interface Group {
  group: string;
  checks: readonly CheckResult[];
  /** Checks without a result yet. */
  pending: readonly CheckListing[];
  /** Has a check that was asked for in addition: stands first, open. */
  isNew: boolean;
}

/** What to do after an installation, and where its log is. */
function whatNext(
  { result, isRunning, checks, hasLog }: Shown,
  columns: number,
  homeDir: string,
): CheckRow[] {
  if (result === null || isRunning || checks.some(({ status }) => status === 'fail')) return [];
  const isBeside = columns >= BESIDE_COLUMNS;
  const answers = checks.find(({ id, status }) => id === 'daemon-health' && status === 'pass');
  const next = answers
    ? t`Daemon: running at ${answers.detail} (s stops it)`
    : isBeside
      ? t`Next: ${personText(startCommand(result, { homeDir }))} (s does it now)`
      : t`Next: s starts the daemon`;
  const path = shortHome(result.logPath, homeDir);
  const log = !hasLog ? t`Log: ${path}` : isBeside ? t`Log: ${path} (f shows it)` : t`Log: f shows it`;
  return [next, log].flatMap((text, nth) =>
    wrapWords(text, columns - 6).map((detail, index) => ({
      key: `next ${nth} ${index}`,
      indent: 0 as const,
      glyph: index > 0 ? ' ' : nth === 0 ? GLYPH.pointer : '·',
      tone: nth === 0 ? ('accent' as const) : ('faint' as const),
      label: '',
      detail,
      isHeading: false,
    })),
  );
}

function groupsOf({ checks, listed, known }: Shown): Group[] {
  const results = new Map(checks.map((check) => [check.id, check]));
  // Scripted and old runs emit no list: their groups come in the order of their results.
  const order: readonly CheckListing[] = listed.length > 0 ? listed : checks;
  return [...Map.groupBy(order, ({ group }) => group)].map(([group, members]) => ({
    group,
    checks: members.flatMap(({ id }) => results.get(id) ?? []),
    pending: members.filter(({ id }) => !results.has(id)),
    isNew: known !== null && members.some(({ id }) => !known.includes(id)),
  }));
}

/** A running group: its progress, and what slow checks are waiting for. */
function runningRows(
  group: string,
  doneCount: number,
  pending: readonly CheckListing[],
  { running, waiting }: Shown,
): CheckRow[] {
  const isRunning = pending.some(({ id }) => running.includes(id));
  const row = { indent: 0 as const, label: group, isHeading: true };
  const heading: CheckRow = isRunning
    ? {
        ...row,
        key: group,
        glyph: GLYPH.running,
        tone: 'accent',
        detail: t`${doneCount} of ${doneCount + pending.length}`,
      }
    : { ...row, key: group, glyph: GLYPH.later, tone: 'faint', detail: ' ' };
  return [
    heading,
    ...pending
      .filter(({ id }) => waiting[id] !== undefined)
      .map(
        ({ id, label }): CheckRow => ({
          key: id,
          indent: 2,
          glyph: GLYPH.running,
          tone: 'accent',
          label: said(label),
          detail: `${said(waiting[id]!)} …`,
          isHeading: false,
        }),
      ),
  ];
}

const NEWS: Partial<Record<string, { glyph: string; tone: Tone }>> = {
  running: { glyph: GLYPH.running, tone: 'accent' },
  done: { glyph: GLYPH.done, tone: 'good' },
  failed: { glyph: GLYPH.failed, tone: 'bad' },
};

function newsRows({ text, mark }: PanelLine, columns: number, homeDir: string): CheckRow[] {
  const lines = wrapWords(shortHome(said(text), homeDir), columns - 6);
  return lines.map((detail, index) => ({
    key: `news ${index}`,
    indent: 0,
    ...((index === 0 && mark && NEWS[mark]) || {
      glyph: index === 0 ? GLYPH.pointer : ' ',
      tone: 'accent' as const,
    }),
    label: '',
    detail,
    isHeading: false,
  }));
}

/** The environment that was switched to, or that `u` leads to. */
function environmentRows(
  { direction, to }: UndoTarget,
  glyph: string,
  tone: Tone,
  columns: number,
): CheckRow[] {
  const minute = localMinute(to.installedAt);
  const isDone = glyph === GLYPH.done;
  const detail =
    direction === 'back'
      ? isDone
        ? t`Switched back to the environment of ${minute}`
        : t`u goes back to the environment of ${minute}`
      : isDone
        ? t`Switched forward to the environment of ${minute}`
        : t`u goes forward to the environment of ${minute}`;
  const text = `${detail} (${to.features.map(said).join(' + ')})`;
  return wrapWords(text, columns - 6).map((line, index) => ({
    key: `${detail} ${index}`,
    indent: 0 as const,
    glyph: index === 0 ? glyph : ' ',
    tone,
    label: '',
    detail: line,
    isHeading: false,
  }));
}

function groupRows(
  group: string,
  checks: readonly CheckResult[],
  areDetailsOpen: boolean,
  width: Width,
): CheckRow[] {
  const present = WORST_FIRST.filter((status) => checks.some((check) => check.status === status));
  // A group is only dimmed as skipped if all of its checks are.
  const worst = present.find((status) => status !== 'skipped') ?? 'skipped';
  const heading: CheckRow = {
    key: group,
    indent: 0,
    ...STATUS[worst],
    label: group,
    detail: '',
    isHeading: true,
  };
  // A whole sentence, such as why a group is skipped, goes on below.
  const headings = wrapWords(groupWords(checks, worst), width.columns - width.labelWidth).map(
    (detail, index): CheckRow =>
      index === 0
        ? { ...heading, detail }
        : { ...heading, key: `${group} ${index}`, glyph: ' ', label: ' ', detail },
  );
  const shown = areDetailsOpen ? checks : checks.filter((check) => isWorthALine(check));
  const rest = areDetailsOpen || shown.length === 0 ? [] : checks.filter((check) => check.status === 'pass');
  return [
    ...headings,
    ...shown.flatMap((check) => rowsOf(check, width)),
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

interface Width {
  columns: number;
  labelWidth: number;
}

function rowsOf(check: CheckResult, { columns, labelWidth }: Width): CheckRow[] {
  const isBeside = columns >= BESIDE_COLUMNS;
  const row: CheckRow = {
    key: check.id,
    indent: 2,
    ...STATUS[check.status],
    label: check.label,
    detail: '',
    isHeading: false,
  };
  const width = isBeside ? columns - labelWidth - 4 : columns - 6;
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
  const [repair] = check.repairs ?? [];
  const advice = repair === undefined ? said(check.fix ?? '') : `r ${said(repair.replaceAll('-', ' '))}`;
  if (!advice) return rows;
  const fix: CheckRow = {
    key: `${check.id} fix`,
    indent: 4,
    glyph: GLYPH.pointer,
    tone: 'accent',
    label: '',
    detail: advice,
    isHeading: false,
  };
  return [...rows, fix];
}

function groupWords(checks: readonly CheckResult[], worst: CheckStatus): string {
  const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length;
  const all = said(formatCount(checks.length, 'check'));
  if (worst === 'fail') {
    const [failed, total] = [count('fail'), checks.length];
    return failed === 1 ? t`${failed} of ${total} needs attention` : t`${failed} of ${total} need attention`;
  }
  if (worst === 'warn') return `${all} · ${said(formatCount(count('warn'), 'warning'))}`;
  if (worst === 'could-not-check')
    return t`${count('could-not-check')} of ${checks.length} could not be checked`;
  if (worst === 'skipped') return `${all} · ${t`skipped: ${checks[0]?.detail ?? ''}`}`;
  return all;
}
