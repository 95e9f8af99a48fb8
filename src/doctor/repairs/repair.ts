import { basename } from 'node:path';
import type { SetupEvent } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import { withWriteAccess } from '../../runtime/write-access.ts';
import type { RepairId } from '../checks/check.ts';
import type { CheckSurroundings, DoctorTarget } from '../checks/context.ts';
import type { Backup } from './backup.ts';

/** What one repair will do, before it does it. */
export interface RepairStep {
  id: RepairId;
  /** `Rebuild the environment`. */
  label: string;
  /** One sentence: what happens. */
  what: string;
  /** Files and folders that may change, backed up first unless `canUndo` is false. */
  paths: readonly string[];
  /** `null` is unknown, never zero. */
  downloadBytes: number | null;
  /** Hosts that are contacted. */
  hosts: readonly string[];
  worksOffline: boolean;
  canUndo: boolean;
}

/** A run of repairs: all of them or none. */
export interface RepairPlan {
  steps: readonly RepairStep[];
  /** Ids of the checks that asked for it. */
  reasons: readonly string[];
}

export interface RepairOptions {
  isOffline?: boolean;
  indexUrl?: string;
  /** Of a runtime whose own are not known. */
  features?: readonly KtxRuntimeFeature[];
  signal?: AbortSignal | undefined;
}

export interface RepairContext extends Omit<CheckSurroundings, 'isDeep'> {
  target: DoctorTarget;
  options: RepairOptions;
  /** Events of an install that runs inside. */
  onProgress(event: SetupEvent): void;
  note(level: 'info' | 'warning', text: string): void;
  /** Where what is changed is kept; `null` while a plan is made. */
  backup: Backup | null;
}

/** A typed action. `plan` changes nothing; `apply` makes sure that what it changes is in the backup. */
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

/** What a repair changes below the runtime root, it changes while nobody else does. Inside of a run of repairs the locks are held already. */
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
