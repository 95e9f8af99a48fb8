import { wrapStep, wrapWords } from '../src/support/wrap-words.ts';
import { failureChoices } from '../src/wizard/choices.ts';
import type { FailureState } from '../src/wizard/state.ts';
import { bodyRows, isNarrow, isShort, type Size } from './layout.ts';

/** What of a failure there is room for, above the choices. */
export interface FailureRoom {
  evidence: readonly string[];
  /** Each as its lines. */
  steps: readonly (readonly string[])[];
  hasHeading: boolean;
  hasLog: boolean;
  /** Empty rows: before the remedies, below them, below the title; as many as there are. */
  gaps: number;
}

/** Evidence and remedies of which neither may take all the room. */
const FIRST_FACTS = 1;
const FIRST_STEPS = 3;

/**
 * Shares the rows out, most wanted first: what happened, that nothing is lost, why, what to do; then the rest of it, and last
 * what only looks nice. A text that does not fit makes room for none after it: remedies are in their order. Pure.
 */
export function failureRoom(state: FailureState, size: Size): FailureRoom {
  const { report } = state;
  const width = size.columns - (isNarrow(size) ? 0 : 2) - 2;
  let left = bodyRows(size) - failureChoices(state).length - (isShort(size) ? 0 : 1);
  const take = (rows: number): boolean => {
    if (rows > left) return false;
    left -= rows;
    return true;
  };
  const takeSome = <T>(items: readonly T[], rowsOf: (item: T) => number): T[] => {
    const end = items.findIndex((item) => !take(rowsOf(item)));
    return items.slice(0, end === -1 ? items.length : end);
  };
  const takeFacts = (facts: readonly string[]) => takeSome(facts, (fact) => wrapWords(fact, width).length);
  const takeSteps = (wanted: readonly string[]) =>
    takeSome(
      wanted.map((step) => wrapStep(step, report.remedies ?? [], width - 4)),
      (lines) => lines.length,
    );
  // The step and the time stand beside the title where there is room for a frame.
  left -= wrapWords(report.title, width - (isShort(size) ? 0 : 26)).length;
  left -= wrapWords(report.untouched, width).length;
  const evidence = takeFacts(report.evidence.slice(0, FIRST_FACTS));
  const steps = takeSteps(report.nextSteps.slice(0, FIRST_STEPS));
  if (evidence.length === FIRST_FACTS) evidence.push(...takeFacts(report.evidence.slice(FIRST_FACTS)));
  // One, so that causes and remedies are no wall; the others only when nothing is left to say.
  let gaps = !isShort(size) && take(1) ? 1 : 0;
  if (steps.length === FIRST_STEPS) steps.push(...takeSteps(report.nextSteps.slice(FIRST_STEPS)));
  const hasHeading = steps.length > 0 && take(1);
  const hasLog = state.hasLog && state.logPath !== null && take(1);
  while (gaps > 0 && gaps < 3 && take(1)) gaps++;
  return { evidence, steps, hasHeading, hasLog, gaps };
}
