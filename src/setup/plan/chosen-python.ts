import { managedRuntimeRoot } from '../../core/layout.ts';
import type { PythonChoice, PythonDecision } from '../../python/python-choice.ts';
import { SetupError } from '../../support/errors.ts';
import { readChosenPython } from '../request/choices.ts';
import type { PrepareOptions } from '../request/install-types.ts';
import type { InstallPlan } from './install-plan.ts';

/** When no Python is requested, the one chosen by an earlier setup of this root, if it still works. */
export async function asChosen(
  { python, runtimeRoot, env, homeDir }: PrepareOptions,
  choose: (choice: PythonChoice) => Promise<PythonDecision>,
): Promise<PythonDecision> {
  if (python !== undefined) return choose(python);
  const kept = await readChosenPython(managedRuntimeRoot({ runtimeRoot, env, homeDir }));
  if (kept === null) return choose('auto');
  try {
    const decision = await choose(kept);
    return { ...decision, notes: [chosenNote(kept), ...decision.notes] };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    const decision = await choose('auto');
    const note = `The Python chosen for this runtime earlier, ${chosenWords(kept)}, cannot be used: ${error.message}`;
    return { ...decision, notes: [note, ...decision.notes] };
  }
}

/** For a wheel without a lock, whose Python is only found during the build. */
export async function foreignChoice({
  python,
  runtimeRoot,
  env,
  homeDir,
}: PrepareOptions): Promise<InstallPlan['foreignPython']> {
  if (python !== undefined) return { choice: python, isKept: false };
  const kept = await readChosenPython(managedRuntimeRoot({ runtimeRoot, env, homeDir }));
  return { choice: kept ?? 'auto', isKept: kept !== null };
}

const chosenWords = (kept: PythonChoice) => (typeof kept === 'object' ? Object.values(kept).join() : kept);
/** Said in a plan. */
export const chosenNote = (kept: PythonChoice) =>
  `Using the Python chosen for this runtime earlier: ${chosenWords(kept)}. Use --python auto to let ktx choose.`;
