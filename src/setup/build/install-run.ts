import type { Emit } from '../../core/events.ts';
import type { Journal } from '../../runtime/journal.ts';
import type { RecordedSizes } from '../../runtime/recorded-sizes.ts';
import type { WriteAccess } from '../../runtime/write-access.ts';
import type { InstallPlan, InstallTools } from '../plan/install-plan.ts';

/** An environment without packages, still being created. */
export interface Skeleton {
  /** Emits uv's output so far and waits for the end. @throws as `UvRunner.run`. */
  finish(): Promise<void>;
  /** Resolves when none of it is running any more, however it ended; never rejects. */
  settled: Promise<void>;
}

/** Byte code of modules that are not installed yet. */
export interface CompilingAhead {
  /** Call with the digest of each wheel that has arrived; others are ignored. */
  take(sha256: string): void;
  /** Resolves when everything is compiled or compilation has ended; never rejects. */
  compiled: Promise<void>;
  /** Call when the modules are installed: places the byte code compiled so far next to them. */
  place(): void;
  /** Resolves when compilation has ended; never rejects. */
  ended: Promise<void>;
}

/** A plan that is being executed. */
export interface InstallRun {
  plan: InstallPlan;
  tools: InstallTools;
  /** The children's environment, including the mark of this run. */
  env: NodeJS.ProcessEnv;
  journal: Journal;
  runDir: string;
  access: Pick<WriteAccess, 'setStep'>;
  emit: Emit;
  signal: AbortSignal | undefined;
  /** A proxy for children that refuses every host; undefined when they may use the network or are injected. */
  guardUrl: string | undefined;
  /** `null`: the environment is created after everything has arrived. */
  skeleton: Skeleton | null;
  compiling: CompilingAhead | null;
  /** Resolves when the proof's daemon has ended, during the switch; never rejects. */
  ending: Promise<void>;
  /** Version or path of the Python for a wheel without a lock, once it is chosen. */
  foreignPython: string | null;
  /** Record of the checked files, for the next plan; `null` without a lock. */
  checked: string | null;
  /** Sizes of some built files, see `findDamage`; measured and flushed to disk while the proof runs. */
  sizes: Promise<RecordedSizes>;
  /** The new manifest is active: from here on the new environment must not be removed. */
  isCommitted: boolean;
}
