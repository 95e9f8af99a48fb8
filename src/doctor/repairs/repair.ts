import { basename } from 'node:path';
import type { SetupEvent } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import { withWriteAccess } from '../../runtime/write-access.ts';
import type { RepairId } from '../checks/check.ts';
import type { CheckSurroundings, DoctorTarget } from '../checks/context.ts';
import type { Backup } from './backup.ts';

/** What one repair will do. */
export interface RepairStep {
  id: RepairId;
  /** `Rebuild the environment`. */
  label: string;
  /** What happens, in one sentence. */
  what: string;
  /** Paths that may change; backed up first unless `canUndo` is false. */
  paths: readonly string[];
  /** `null` is unknown, never zero. */
  downloadBytes: number | null;
  /** Hosts that are contacted. */
  hosts: readonly string[];
  worksOffline: boolean;
  canUndo: boolean;
}

/** A run of repairs: all or nothing. */
export interface RepairPlan {
  steps: readonly RepairStep[];
  /** Ids of the checks that requested it. */
  reasons: readonly string[];
}

export interface RepairOptions {
  isOffline?: boolean;
  indexUrl?: string;
  /** Used when the features of the runtime are unknown. */
  features?: readonly KtxRuntimeFeature[];
  signal?: AbortSignal | undefined;
}

export interface RepairContext extends Omit<CheckSurroundings, 'isDeep'> {
  target: DoctorTarget;
  options: RepairOptions;
  /** Receives the events of an install that the repair runs. */
  onProgress(event: SetupEvent): void;
  note(level: 'info' | 'warning', text: string): void;
  /** The backup for changes; `null` while planning. */
  backup: Backup | null;
}

/** A typed action. `plan` changes nothing; `apply` backs up everything before changing it. */
export interface Repair {
  id: RepairId;
  label: string;
  plan(context: RepairContext): Promise<Omit<RepairStep, 'id' | 'label'>>;
  apply(context: RepairContext, backup: Backup): Promise<void>;
}

/** A step that needs no network. */
export function offlineStep(
  what: string,
  paths: readonly string[],
  canUndo = true,
): Omit<RepairStep, 'id' | 'label'> {
  return { what, paths, downloadBytes: 0, hosts: [], worksOffline: true, canUndo };
}

/** Runs changes below the runtime root under the locks, which a run of repairs may hold already. */
export function whileLocked<T>(
  { layout, note, options }: Pick<RepairContext, 'layout' | 'note' | 'options'>,
  action: () => Promise<T>,
): Promise<T> {
  const { runtimeRoot, versionDir } = layout;
  return withWriteAccess(
    { runtimeRoot, versions: [basename(versionDir)], step: 'repair', note, signal: options.signal },
    action,
  );
}
