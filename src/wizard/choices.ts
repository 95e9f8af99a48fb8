import type { FeatureOffer } from './functions.ts';
import { mendingsOf } from './mending.ts';
import type { CheckState, FailureState, PlanState, ReadyState, Shared } from './state.ts';

export interface Choice<Id extends string> {
  id: Id;
  label: string;
}

export type ReadyChoice = 'check' | 'change' | 'reinstall' | 'quit';

/** What can be done with a runtime that works. */
export function readyChoices(state: ReadyState): readonly Choice<ReadyChoice>[] {
  const others = state.overview.offers.filter((offer) => offer.unavailableReason === null);
  return [
    { id: 'check', label: 'Check that it works' },
    ...(others.length > 1 ? [{ id: 'change' as const, label: 'Change what it can do' }] : []),
    { id: 'reinstall', label: 'Install it again' },
    { id: 'quit', label: 'Quit' },
  ];
}

/** Offers that can be chosen, in their order. */
export function availableOffers(state: { overview: Shared['overview'] }): readonly FeatureOffer[] {
  return (state.overview?.offers ?? []).filter((offer) => offer.unavailableReason === null);
}

export type PlanChoice = 'install' | 'back';

export function planChoices(state: PlanState): readonly Choice<PlanChoice>[] {
  if (state.summary === null) return [];
  return [
    { id: 'install', label: 'Install' },
    { id: 'back', label: 'Back' },
  ];
}

/** `mend …` is a remedy that the wizard carries out. */
export type FailureChoice = `mend ${string}` | 'retry' | 'plan' | 'features' | 'log' | 'quit';

/** Ways out of a failure: only those that lead somewhere. */
export function failureChoices(state: FailureState): readonly Choice<FailureChoice>[] {
  const choices: Choice<FailureChoice>[] = mendingsOf(state.report).map(({ id, label }) => ({
    id: id as FailureChoice,
    label,
  }));
  choices.push({ id: 'retry', label: 'Try again' });
  if (state.retry === 'install') choices.push({ id: 'plan', label: 'Back to the plan' });
  if (state.retry === 'plan' && state.overview)
    choices.push({ id: 'features', label: 'Back to the features' });
  if (state.hasLog) choices.push({ id: 'log', label: 'Show the log' });
  choices.push({ id: 'quit', label: 'Quit' });
  return choices;
}

/** Keeping on comes first: an Enter that was meant for something else must not stop an installation. */
export const STOP_CHOICES = [
  { id: 'keep-going', label: 'Keep going' },
  { id: 'stop', label: 'Stop' },
] as const;

export function failedChecks(state: Pick<CheckState, 'checks'>): number {
  return state.checks.filter((check) => check.status === 'fail').length;
}
