import type { FailureReport } from '../../src/core/events.ts';
import { saidRemedy, saidStep } from '../../src/language/remedies.ts';
import { said, t } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import { formatDuration } from '../../src/support/text/format.ts';
import { wrapStep, wrapWords } from '../../src/support/text/wrap-words.ts';
import { failureChoices } from '../../src/wizard/choices.ts';
import { stepsByHand } from '../../src/wizard/panels/mending.ts';
import type { FailureState } from '../../src/wizard/state.ts';
import { bodyRows, contentColumns, isNarrow, isShort, type Size } from './layout.ts';
import { cutLines, roomOf, rowsOf } from './room.ts';

/** The part of a failure that fits above the choices. All texts are lines that fit the width. */
export interface FailureLayout {
  title: readonly string[];
  /** Next to the title; empty for nothing. */
  where: string;
  evidence: readonly string[];
  /** Each step as its lines. */
  steps: readonly (readonly string[])[];
  untouched: readonly string[];
  hasHeading: boolean;
  hasLog: boolean;
  /** Empty rows. */
  hasGapBelowTitle: boolean;
  hasGapBelowEvidence: boolean;
  hasGapBelowSteps: boolean;
  /** Number of columns of the choices. */
  choiceColumns: 1 | 2;
  /** Rows of the choices; more of them scroll. */
  choiceRows: number;
  /** Number of omitted facts and steps. */
  hiddenCount: number;
  /** Nothing is omitted or cut. */
  isWhole: boolean;
}

/** Label, value, hint. */
const FIELD_ROWS = 3;

/** A shorter time says nothing. */
const WORTH_TIME_MS = 10_000;

/** `step 1 of 5 · after 12 s` */
function whereWords(state: FailureState): string {
  const after = state.elapsedMs < WORTH_TIME_MS ? [] : [t`after ${formatDuration(state.elapsedMs)}`];
  const steps = state.progress?.steps ?? [];
  const index = steps.findIndex((step) => step.status === 'failed');
  return [...(index === -1 ? [] : [t`step ${index + 1} of ${steps.length}`]), ...after].join(' · ');
}

/** Facts shown before the second step: the user must know the cause to understand the remedy. */
const TELLING_FACTS = 3;

/**
 * Allocates the rows by priority: the title, that nothing is lost, the first step; then some facts; then the
 * other steps and facts, and finally spacing. One column of choices where all fits, else two before anything is
 * omitted. Pure.
 */
export function failureLayout(state: FailureState, size: Size): FailureLayout {
  const all = share(state, size, 1, failureChoices(state).length);
  const isAiry = isShort(size) || all.steps.length === 0 || (all.hasHeading && all.hasGapBelowSteps);
  if (all.isWhole && isAiry) return all;
  const room = share(state, size, 1, choiceRowsAtMost(size));
  return room.isWhole || !fitsTwoColumns(state, size) ? room : share(state, size, 2, choiceRowsAtMost(size));
}

/** A choice with a truncated label would be ambiguous. */
function fitsTwoColumns(state: FailureState, size: Size): boolean {
  const widest = (column: number) =>
    Math.max(
      0,
      ...failureChoices(state)
        .filter((_, index) => index % 2 === column)
        .map(({ label }) => columnsOf(said(label))),
    );
  return widest(0) + widest(1) + 6 <= contentColumns(size);
}

/** Where not all fits, choices take at most a quarter of the window; more of them scroll. */
function choiceRowsAtMost(size: Size): number {
  return Math.max(2, Math.floor(bodyRows(size) / 4));
}

function share(state: FailureState, size: Size, choiceColumns: 1 | 2, mostChoiceRows: number): FailureLayout {
  const { report } = state;
  const isTight = isShort(size);
  const width = contentColumns(size) - 2;
  const stepWidth = width - (isNarrow(size) ? 2 : 4);
  const where = isTight || isNarrow(size) ? '' : whereWords(state);
  const titleWidth = width - (where === '' ? 0 : columnsOf(where) + 2);
  const allChoiceRows = Math.ceil(failureChoices(state).length / choiceColumns);
  const choiceRows = state.field ? FIELD_ROWS : Math.min(allChoiceRows, mostChoiceRows);
  const wanted = {
    title: wrapWords(said(report.title), titleWidth),
    untouched: wrapWords(said(report.untouched), width),
    evidence: report.evidence.map((fact) => factLines(said(fact), width)),
    steps: stepsByHand(report).map((step) => stepLines(step, report, stepWidth)),
  };
  const room = roomOf(
    bodyRows(size) -
      choiceRows -
      (isTight ? 0 : 1) -
      1 -
      Math.min(1, wanted.untouched.length) -
      (state.notice === null ? 0 : wrapWords(said(state.notice), width).length),
  );
  const [first, ...others] = wanted.steps;
  const steps = first ? [cutStep(first, room.left(), stepWidth)] : [];
  room.take(steps[0]?.length ?? 0);
  const titleRows = 1 + room.takeSome(wanted.title.slice(1), () => 1).length;
  const untouchedRows = 1 + room.takeSome(wanted.untouched.slice(1), () => 1).length;
  let hasHeading = !isTight && first !== undefined && room.take(1);
  const hasGapBelowSteps = !isTight && first !== undefined && room.take(1);
  const takeFacts = (facts: typeof wanted.evidence) =>
    room.takeSome(facts, (lines) => lines.reduce((sum, line) => sum + rowsOf(line, width), 0));
  const telling = wanted.evidence.slice(0, isTight ? 1 : TELLING_FACTS);
  const evidence = takeFacts(telling);
  steps.push(...room.takeSome(others, (lines) => lines.length));
  if (evidence.length === telling.length) evidence.push(...takeFacts(wanted.evidence.slice(telling.length)));
  const hasGapBelowEvidence = !isTight && evidence.length > 0 && room.take(1);
  hasHeading ||= first !== undefined && room.take(1);
  const hasLog = state.hasLog && state.logPath !== null && room.take(1);
  const hasGapBelowTitle = !isTight && room.take(1);
  const hiddenCount = wanted.steps.length - steps.length + wanted.evidence.length - evidence.length;
  return {
    title: cutLines(wanted.title, titleRows, titleWidth),
    where,
    evidence: evidence.flat(),
    steps,
    untouched: cutLines(wanted.untouched, untouchedRows, width),
    hasHeading,
    hasLog,
    hasGapBelowTitle,
    hasGapBelowEvidence,
    hasGapBelowSteps,
    choiceColumns,
    choiceRows,
    hiddenCount,
    isWhole:
      hiddenCount === 0 &&
      (state.field !== null || choiceRows === allChoiceRows) &&
      titleRows === wanted.title.length &&
      untouchedRows >= wanted.untouched.length &&
      steps[0]?.length === first?.length,
  };
}

/** Lines of uv keep their indentation if they fit. */
function factLines(fact: string, width: number): string[] {
  return fact.split('\n').flatMap((line) => (columnsOf(line) <= width ? [line] : wrapWords(line, width)));
}

/** An overlong command is wrapped, never cut: it is there to be copied. */
function stepLines(step: string, report: FailureReport, width: number): string[] {
  const remedies = report.remedies ?? [];
  return wrapStep(saidStep(step, remedies), remedies.map(saidRemedy), width).flatMap((line) =>
    columnsOf(line) <= width ? [line] : wrapWords(line.trim(), width - 2).map((part) => `  ${part}`),
  );
}

/** Cuts the text of a step, not its command. */
function cutStep(lines: readonly string[], rows: number, width: number): string[] {
  if (lines.length <= rows) return [...lines];
  const command = lines.filter((line) => line.startsWith('  '));
  const words = lines.filter((line) => !line.startsWith('  '));
  const isCommandWhole = command.length > 0 && command.length < rows;
  return isCommandWhole
    ? [...cutLines(words, rows - command.length, width), ...command]
    : cutLines(lines, rows, width);
}
