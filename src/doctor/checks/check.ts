import type { CheckStatus } from '../../core/events.ts';
import type { MachineReason } from '../../failure/causes/machine-causes.ts';
import type { CheckContext } from './context.ts';

/**
 * The cost of a check: `offline` runs by default; `network` contacts hosts; `deep` hashes files or starts a
 * daemon; `models` contacts a project's language model and its host.
 */
export const CHECK_COSTS = ['offline', 'network', 'deep', 'models'] as const;
export type CheckCost = (typeof CHECK_COSTS)[number];

export const CHECK_GROUPS = [
  'Tools',
  'Runtime',
  'Daemon',
  'Core',
  'Embeddings',
  'Network',
  'Disk',
  'System',
  'Model',
] as const;
export type CheckGroup = (typeof CHECK_GROUPS)[number];

/** Every repair, in the order in which a run applies them. */
export const REPAIR_IDS = [
  'mend-permissions',
  'clear-obstacle',
  'release-lock',
  'stop-daemon',
  'remove-leftovers',
  'free-space',
  'restore-previous',
  'rewrite-manifest',
  'replace-uv',
  'refetch-model',
  'rebuild-environment',
] as const;
export type RepairId = (typeof REPAIR_IDS)[number];

/**
 * The result of a check. `detail` is one sentence; it gives the reason when a check was skipped or could not
 * run.
 */
export interface Outcome {
  status: CheckStatus;
  detail: string;
  /** What the user can do, if no repair is offered or besides it. */
  fix?: string;
  /** Repairs that help, best first. */
  repairs?: readonly RepairId[];
  /** The cause id of the matching failure (`disk-full`, `read-only`), if there is one. */
  cause?: MachineReason;
}

/** Static data of a check, for `ktx doctor --list`, docs/doctor.md and the screens. */
export interface CheckInfo {
  id: string;
  group: CheckGroup;
  label: string;
  /** Why it matters, in one sentence. */
  why: string;
  cost: CheckCost;
  /** Ids of checks that must pass or warn first; otherwise this one is skipped. */
  dependsOn: readonly string[];
  timeoutMs?: number;
}

export interface Check extends CheckInfo {
  /**
   * Called at the start of the run, before the checks that this one depends on: starts slow work early. The
   * signal fires at the end of the run.
   */
  prepare?(signal: AbortSignal): void;
  /** Changes nothing. An error means that the check itself could not run. */
  run(context: CheckContext): Promise<Outcome>;
}

export const pass = (detail: string): Outcome => ({ status: 'pass', detail });
export const skip = (detail: string): Outcome => ({ status: 'skipped', detail });
export const unknown = (detail: string): Outcome => ({ status: 'could-not-check', detail });

export function fail(detail: string, repairs: readonly RepairId[] = [], fix?: string): Outcome {
  return finding('fail', detail, repairs, fix);
}

export function warn(detail: string, repairs: readonly RepairId[] = [], fix?: string): Outcome {
  return finding('warn', detail, repairs, fix);
}

/** The outcome, with the cause id under which a setup would fail for the same reason. */
export function because(cause: MachineReason, outcome: Outcome): Outcome {
  return { ...outcome, cause };
}

function finding(
  status: CheckStatus,
  detail: string,
  repairs: readonly RepairId[],
  fix: string | undefined,
): Outcome {
  return {
    status,
    detail,
    ...(repairs.length > 0 ? { repairs } : {}),
    ...(fix === undefined ? {} : { fix }),
  };
}
