import type { CheckStatus } from '../../core/events.ts';
import type { MachineReason } from '../../failure/causes/machine-causes.ts';
import type { CheckContext } from './context.ts';

/**
 * What a check needs: `offline` runs by default; `network` asks hosts; `deep` hashes files or starts a daemon; `models` asks
 * a project's language model and its host.
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

/** Everything a doctor can do about an outcome, in the order in which a run applies them. */
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

/** What a check found. `detail` is one sentence; what could not be checked and what was skipped say why. */
export interface Outcome {
  status: CheckStatus;
  detail: string;
  /** What the user can do where no repair is offered, or beside it. */
  fix?: string;
  /** Repairs that help from here, best first. */
  repairs?: readonly RepairId[];
  /** What it is, by the ids that failures have (`disk-full`, `read-only`), where a failure would have one. */
  cause?: MachineReason;
}

/** What is known of a check before it runs: `ktx doctor --list`, docs/doctor.md and the screens show it. */
export interface CheckInfo {
  id: string;
  group: CheckGroup;
  label: string;
  /** Why it matters, one sentence. */
  why: string;
  cost: CheckCost;
  /** Ids of checks that must pass or warn first; otherwise this one is skipped. */
  dependsOn: readonly string[];
  timeoutMs?: number;
}

export interface Check extends CheckInfo {
  /** Called when the run begins, before the checks that this one waits for: starts what takes its time. The signal fires at the end of the run. */
  prepare?(signal: AbortSignal): void;
  /** Changes nothing. What it throws means that the check itself could not be carried out. */
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

/** A finding that a setup would fail of, under the same id. */
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
