import type { Emit } from '../../core/events.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { RecordedSizes } from '../../runtime/recorded-sizes.ts';
import type { WriteAccess } from '../../runtime/write-access.ts';
import type { InstallPlan, InstallTools } from '../plan/install-plan.ts';

/** A plan that is being carried out. */
export interface InstallRun {
  plan: InstallPlan;
  tools: InstallTools;
  /** The children's environment; children carry the mark of the run in it. */
  env: NodeJS.ProcessEnv;
  journal: Journal;
  runDir: string;
  access: Pick<WriteAccess, 'setStep'>;
  emit: Emit;
  signal: AbortSignal | undefined;
  /** Proxy of children that refuses every host; absent where they may use the network or are injected. */
  guardUrl: string | undefined;
  /** Version or path of the Python for a wheel without a lock, when it was found. */
  foreignPython: string | null;
  /** What was checked, for the next plan; `null` without a lock. */
  checked: string | null;
  /** Sizes of some of what was built, see `findDamage`: measured, and all written to the disk, while the proof runs. */
  sizes: Promise<RecordedSizes>;
  /** The new manifest is in force: from here on the new environment must not be removed. */
  isCommitted: boolean;
}
