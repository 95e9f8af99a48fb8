import { localMinute } from '../support/text/local-time.ts';
import type { FeatureOffer } from './functions.ts';
import type { ActionId } from './panels/action-panel.ts';
import type { Choice } from './panels/command.ts';
import { mendingsOf } from './panels/mending.ts';
import type { CheckState, FailureState, PlanState, ReadyState, Shared } from './state.ts';

export type { Choice } from './panels/command.ts';

export type ReadyChoice = 'check' | 'repair' | 'change' | 'reinstall' | 'model' | 'host' | 'quit' | ActionId;

/** The menu of a working runtime, most wanted first. */
export function readyChoices(state: ReadyState): readonly Choice<ReadyChoice>[] {
  const others = state.overview.offers.filter((offer) => offer.unavailableReason === null);
  const older = state.overview.otherRuntimes;
  const choices: (Choice<ReadyChoice> | false)[] = [
    { id: 'check', label: 'Check that it works', about: 'changes nothing' },
    { id: 'repair', label: 'Find and repair damage', about: 'reads every file; asks before changes' },
    { id: 'start', label: 'Start the daemon', about: 'or see the one that runs, and stop it' },
    others.length > 1 && { id: 'change', label: 'Change features', about: 'such as local embeddings' },
    { id: 'reinstall', label: 'Install it again', about: 'beside this one, which is kept for undo' },
    { id: 'undo', label: 'Undo or redo the last installation', about: 'shows both environments first' },
    older.length > 0 && { id: 'prune', label: `Remove older versions (${versionsOf(older)})` },
    state.hasProject && { id: 'model', label: 'Language model of this project' },
    state.hasProject && { id: 'host', label: 'Model host of this project (SSH)' },
    { id: 'remove', label: 'Remove ktx from this machine', about: 'shows what would be deleted first' },
    { id: 'quit', label: 'Quit' },
  ];
  const shown = choices.filter((choice) => choice !== false);
  // Named at the pointer only: the screen that is drawn ahead does not know it yet, and nothing may change under it.
  return shown.map((choice, index) =>
    choice.id === 'undo' && index === state.cursor
      ? { ...choice, about: undoWords(state.overview.undo) ?? choice.about }
      : choice,
  );
}

/** Where an undo leads; `null` when that is not known. */
function undoWords(target: ReadyState['overview']['undo']): string | null {
  if (target === undefined) return null;
  if (target === null) return 'no other environment is kept';
  const minute = localMinute(target.to.installedAt);
  return target.direction === 'back' ? `back to the one of ${minute}` : `forward to the one of ${minute}`;
}

function versionsOf(runtimes: readonly { cliVersion: string }[]): string {
  const [first, ...others] = runtimes.map(({ cliVersion }) => cliVersion);
  return others.length === 0 ? `${first}` : `${first} and ${others.length} more`;
}

/** Available offers, in order. */
export function availableOffers(state: { overview: Shared['overview'] }): readonly FeatureOffer[] {
  return (state.overview?.offers ?? []).filter((offer) => offer.unavailableReason === null);
}

export type PlanChoice = 'install' | 'sources' | 'bundle' | 'back';

export function planChoices(state: PlanState): readonly Choice<PlanChoice>[] {
  if (state.summary === null) return [];
  return [
    { id: 'install', label: 'Install' },
    { id: 'sources', label: 'Change a source' },
    { id: 'bundle', label: 'Use a bundle' },
    { id: 'back', label: 'Back' },
  ];
}

/** `mend …` is a remedy that the wizard applies itself. */
export type FailureChoice = `mend ${string}` | 'retry' | 'plan' | 'features' | 'log' | 'quit';

/** Ways out of a failure that make sense here. */
export function failureChoices(state: FailureState): readonly Choice<FailureChoice>[] {
  const choices: Choice<FailureChoice>[] = mendingsOf(state.report).map(({ id, label }) => ({
    id: id as FailureChoice,
    label,
  }));
  choices.push({ id: 'retry', label: 'Try again' });
  if (state.retry === 'install') choices.push({ id: 'plan', label: 'Back to the plan' });
  if (state.retry === 'plan' && state.overview)
    choices.push({ id: 'features', label: 'Back to the features' });
  if (state.panel) choices.push({ id: 'plan', label: 'Back' });
  if (state.hasLog) choices.push({ id: 'log', label: 'Show the log' });
  choices.push({ id: 'quit', label: 'Quit' });
  return choices;
}

/** "Keep going" comes first: an accidental Enter must not stop an installation. */
export const STOP_CHOICES = [
  { id: 'keep-going', label: 'Keep going' },
  { id: 'stop', label: 'Stop' },
] as const;

export function failedChecks(state: Pick<CheckState, 'checks'>): number {
  return state.checks.filter((check) => check.status === 'fail').length;
}

/** The daemon of this project answered the last checks. */
function isDaemonRunning(checks: CheckState['checks']): boolean {
  return checks.some(({ id, status }) => id === 'daemon-health' && status === 'pass');
}

/** A runtime that was just installed and works can be started right away. */
export function canStart(state: CheckState): boolean {
  const { result, isRunning, checks } = state;
  return result !== null && !isRunning && failedChecks(state) === 0 && !isDaemonRunning(checks);
}

export function canStop(state: CheckState): boolean {
  return state.result !== null && !state.isRunning && isDaemonRunning(state.checks);
}
