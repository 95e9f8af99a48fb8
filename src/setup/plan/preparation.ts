import type { Emit, PlanSummary } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { ManagedPythonRuntimeLayout, SharedLayout } from '../../core/layout.ts';
import type { ManagedPythonRuntimeExec } from '../../process/exec.ts';
import type { PythonDecision } from '../../python/python-choice.ts';
import type { InstalledKtxRuntimeManifest } from '../../runtime/manifest.ts';
import type { ManagedRuntimeAsset } from '../../shipped/asset.ts';
import type { Artefact, RuntimeLock } from '../../shipped/lock.ts';
import type { LockedDigests } from '../../shipped/locked-asset.ts';
import type { HostPlatform } from '../../shipped/target.ts';
import type { ArtefactStore } from '../../store/store.ts';
import type { Redactor } from '../../support/text/redaction.ts';
import type { SetupNetwork } from '../session/setup-network.ts';
import type { DiskNeed } from './disk.ts';
import type { ModelPlan } from './plan-model.ts';

/** What a locked install installs, decided by the plan. */
export interface LockedInstall {
  lock: RuntimeLock;
  /** Digests of lock and requirements, for the manifest: another one is a reason to install anew. */
  digests: LockedDigests;
  python: PythonDecision;
  /** The hash-locked requirements, as shipped. */
  requirements: string;
  wheels: readonly Artefact[];
  /** The model of a feature that computes with one. */
  model: Pick<ModelPlan, 'folder' | 'files'> | null;
  store: ArtefactStore;
  /** Brings every artefact of the plan into the store, and the model into its folder, verified. */
  fetch: (emit: Emit, signal?: AbortSignal) => Promise<{ downloadedBytes: number }>;
}

export interface AcquiredUv {
  uvPath: string;
  downloadedBytes: number;
  /** The user named it with `--uv`: not ours to judge, nor to have deleted. */
  isGiven?: boolean;
}

/** Everything that an install needs to know; deciding is over. */
export interface InstallJob {
  layout: ManagedPythonRuntimeLayout;
  shared: SharedLayout;
  host: HostPlatform;
  asset: ManagedRuntimeAsset;
  features: KtxRuntimeFeature[];
  /** `null` for a foreign wheel: uv resolves it online, as the contract says. */
  locked: LockedInstall | null;
  env: NodeJS.ProcessEnv;
  /** Where the new environment is built and stays: never a folder that was there before. */
  environmentDir: string;
  /** Puts uv in its place. Precedes everything that is visible in the version's folder. */
  acquireUv: (emit: Emit, signal?: AbortSignal) => Promise<AcquiredUv>;
  exec?: ManagedPythonRuntimeExec;
  /** What the sources answered while it was planned: the log says which one won and why others lost. */
  planNotes: readonly string[];
  /** Bytes received so far, by host. */
  egress: () => readonly { host: string; bytes: number }[];
  /** Hides secrets in the log and in events. */
  redactor: Pick<Redactor, 'redact'>;
  /** What is written where, for the message when a disk turns out to be full. */
  diskNeeds: readonly DiskNeed[];
}

/** The runtime that is there does what is asked for. */
export interface ReadyPreparation {
  status: 'ready';
  layout: ManagedPythonRuntimeLayout;
  asset: ManagedRuntimeAsset;
  manifest: InstalledKtxRuntimeManifest;
}

/** A new environment is to be made, and how. */
export interface InstallPreparation {
  status: 'install';
  /** The manifest that was in force when the plan was made. */
  present: InstalledKtxRuntimeManifest | null;
  /** `readWriteMark` of before: all that the plan saw was seen after it, but for `present`. */
  writeMark: string | null;
  summary: PlanSummary;
  job: InstallJob;
  network: SetupNetwork;
}

export type Prepared = ReadyPreparation | InstallPreparation;

/** What is there, when it does not do. */
export interface Present {
  layout: ManagedPythonRuntimeLayout;
  asset: ManagedRuntimeAsset;
  manifest: InstalledKtxRuntimeManifest | null;
  /** What was asked for, and what is installed already. */
  features: KtxRuntimeFeature[];
}
