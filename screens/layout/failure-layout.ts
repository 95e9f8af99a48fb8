import type { FailureReport } from '../../src/core/events.ts';
import { saidRemedy, saidStep } from '../../src/language/remedies.ts';
import { said } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import { wrapStep, wrapWords } from '../../src/support/text/wrap-words.ts';
import { failureChoices } from '../../src/wizard/choices.ts';
import { stepsByHand } from '../../src/wizard/panels/mending.ts';
import type { FailureState } from '../../src/wizard/state.ts';
import { bodyRows, contentColumns, isNarrow, isShort, type Size } from './layout.ts';
import { cutLines, roomOf, rowsOf } from './room.ts';

/** What of a failure there is room for, above the choices. All texts are lines that fit the width. */
export interface FailureLayout {
  title: readonly string[];
  hasWhere: boolean;
  evidence: readonly string[];
  /** Each as its lines. */
  steps: readonly (readonly string[])[];
  untouched: readonly string[];
  hasHeading: boolean;
  hasLog: boolean;
  /** Empty rows. */
  hasGapBelowTitle: boolean;
  hasGapBelowEvidence: boolean;
  hasGapBelowSteps: boolean;
  /** Choices side by side. */
  choiceColumns: 1 | 2;
  /** Rows for them; more choices scroll. */
  choiceRows: number;
  /** Causes and remedies that are left out. */
  hiddenCount: number;
  /** Nothing is left out, and nothing is cut. */
  isWhole: boolean;
}

/** What is asked, what was typed, what is wrong with it. */
const FIELD_ROWS = 3;

/** Columns beside the title for `step 1 of 5 · after 12 s`. */
const WHERE_COLUMNS = 26;

/** Facts that come before the second thing to do: what is to be done makes sense to who knows why. */
const TELLING_FACTS = 3;

/**
 * Shares the rows out, most wanted first: what happened, that nothing is lost, the first thing to do; then why, in a few lines;
 * then what else to do and all the rest of why, and last what only looks nice. Before anything is left out the choices stand in two
 * columns. Pure.
 */
export function failureLayout(state: FailureState, size: Size): FailureLayout {
  const room = share(state, size, 1);
  return room.isWhole || !fitsTwoColumns(state, size) ? room : share(state, size, 2);
}

/** A label that is cut cannot be chosen with open eyes. */
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

/** A quarter of the window is for choices; more of them scroll with the pointer. */
function choiceRowsAtMost(size: Size): number {
  return Math.max(2, Math.floor(bodyRows(size) / 4));
}

function share(state: FailureState, size: Size, choiceColumns: 1 | 2): FailureLayout {
  const { report } = state;
  const isTight = isShort(size);
  const width = contentColumns(size) - 2;
  const stepWidth = width - (isNarrow(size) ? 2 : 4);
  const hasWhere = !isTight && !isNarrow(size);
  const titleWidth = width - (hasWhere ? WHERE_COLUMNS : 0);
  const allChoiceRows = Math.ceil(failureChoices(state).length / choiceColumns);
  const choiceRows = state.field ? FIELD_ROWS : Math.min(allChoiceRows, choiceRowsAtMost(size));
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
    hasWhere,
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

/** Lines of uv keep their indents as long as they fit. */
function factLines(fact: string, width: number): string[] {
  return fact.split('\n').flatMap((line) => (columnsOf(line) <= width ? [line] : wrapWords(line, width)));
}

/** A command that is too long for its line is broken, never cut: it is there to be copied. */
function stepLines(step: string, report: FailureReport, width: number): string[] {
  const remedies = report.remedies ?? [];
  return wrapStep(saidStep(step, remedies), remedies.map(saidRemedy), width).flatMap((line) =>
    columnsOf(line) <= width ? [line] : wrapWords(line.trim(), width - 2).map((part) => `  ${part}`),
  );
}

/** The words of a step give way, its command does not. */
function cutStep(lines: readonly string[], rows: number, width: number): string[] {
  if (lines.length <= rows) return [...lines];
  const command = lines.filter((line) => line.startsWith('  '));
  const words = lines.filter((line) => !line.startsWith('  '));
  const isCommandWhole = command.length > 0 && command.length < rows;
  return isCommandWhole
    ? [...cutLines(words, rows - command.length, width), ...command]
    : cutLines(lines, rows, width);
}
