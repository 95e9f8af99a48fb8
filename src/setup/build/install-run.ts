import type { Emit } from '../../core/events.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { RecordedSizes } from '../../runtime/recorded-sizes.ts';
import type { WriteAccess } from '../../runtime/write-access.ts';
import type { InstallPlan, InstallTools } from '../plan/install-plan.ts';

/** An environment without packages that is being made. */
export interface Skeleton {
  /** Tells what uv has said, and waits. @throws as `UvRunner.run`. */
  finish(): Promise<void>;
  /** Nothing of it runs any more, however it ended; never rejects. */
  settled: Promise<void>;
}

/** Byte code of modules that are not installed yet. */
export interface CompilingAhead {
  /** All is compiled, or it is over; never rejects. */
  compiled: Promise<void>;
  /** They are installed now: what is compiled so far goes beside them. */
  place(): void;
  /** It is over; never rejects. */
  ended: Promise<void>;
}

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
  /** `null`: the environment is begun after everything has arrived. */
  skeleton: Skeleton | null;
  compiling: CompilingAhead | null;
  /** The end of the proof's daemon, while the switch goes on; never rejects. */
  ending: Promise<void>;
  /** Version or path of the Python for a wheel without a lock, when it was found. */
  foreignPython: string | null;
  /** What was checked, for the next plan; `null` without a lock. */
  checked: string | null;
  /** Sizes of some of what was built, see `findDamage`: measured, and all written to the disk, while the proof runs. */
  sizes: Promise<RecordedSizes>;
  /** The new manifest is in force: from here on the new environment must not be removed. */
  isCommitted: boolean;
}
