import type { PlanSummary } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { ManagedPythonRuntimeLayout, SharedLayout } from '../../core/layout.ts';
import type { ManagedPythonRuntimeExec } from '../../process/exec.ts';
import type { PythonChoice, PythonDecision } from '../../python/python-choice.ts';
import type { InstalledKtxRuntimeManifest } from '../../runtime/manifest.ts';
import type { ManagedRuntimeAsset } from '../../shipped/asset.ts';
import type { Artefact } from '../../shipped/lock.ts';
import type { LockedDigests } from '../../shipped/locked-asset.ts';
import type { HostPlatform } from '../../shipped/target.ts';
import type { ArtefactStore } from '../../store/store.ts';
import type { EnsureManagedUvOptions } from '../../uv/acquire.ts';
import type { SetupNetwork } from '../session/setup-network.ts';
import type { DiskNeed } from './disk.ts';

/** Where one kind of artefact comes from, in words and as a host or folder. */
export interface Origin {
  from: string;
  place: string;
}

/** How uv gets to `path`. */
export type UvAcquisition =
  /** The user named it with `--uv`: not ours to judge, nor to delete. */
  | { kind: 'given'; path: string }
  /** In its place; `isPinned`: its digest is checked again before it runs. */
  | { kind: 'here'; path: string; isPinned: boolean }
  /** From the store or a host: the release archive, or uv's wheel. */
  | { kind: 'fetch'; path: string; artefact: Artefact }
  /** As `ensureManagedUv` does it, for callers that inject their own download. */
  | { kind: 'ensure'; path: string };

/** One way to get the model's files. */
export interface ModelSource {
  origin: Origin;
  /** `container`: the files are members of one archive. */
  form: 'files' | 'container';
  /** Everything it takes, including what is in the store already: that is hashed once more before it is used. */
  artefacts: readonly Artefact[];
}

export interface ModelPlan {
  label: string;
  /** `uv/models/<name>@<revision>`, shared by all versions. */
  folder: string;
  /** The hub's name for it, and the revision that the lock pins. */
  repository: string;
  revision: string;
  files: readonly Artefact[];
  container: { artefact: Artefact; folder: string };
  /** All files are in the folder, with the right digests. */
  isHere: boolean;
  /** In the order they are tried. */
  sources: readonly ModelSource[];
  /** What the first of the sources will send. */
  toFetch: readonly Artefact[];
  /** Bytes of its files in the folder; 0 when they are there. */
  diskBytes: number;
  /** Needed beside them until they are in the folder: the archive that holds them, if one of the sources has them so. */
  archiveBytes: number;
  origin: Origin;
  rejected: readonly string[];
  /** Of every source that answered: the next is taken when one breaks down. */
  hosts: readonly string[];
}

/** What an install from a lock is made of. */
export interface LockedPlan {
  /** Digests of lock and requirements, for the manifest: another one is a reason to install again. */
  digests: LockedDigests;
  python: PythonDecision;
  /** Build of the managed Python, as uv's list of downloads names it. */
  pythonBuild: string;
  /** The hash-locked requirements, as shipped. */
  requirements: string;
  wheels: readonly Artefact[];
  /** Interpreter and wheels; the model has sources of its own. */
  toFetch: readonly Artefact[];
  /** The model of a feature that computes with one. */
  model: ModelPlan | null;
}

/** Why a new environment is made: there was none, the old one is damaged, it is another wheel or lock, more is wanted of it, or it was asked for. */
export type InstallReason = 'first' | 'damaged' | 'update' | 'feature' | 'forced';

/**
 * Everything an install will do. Plain data: `ktx setup --dry-run --json` prints it, and whoever carries it out decides
 * nothing more.
 */
export interface InstallPlan {
  layout: ManagedPythonRuntimeLayout;
  shared: SharedLayout;
  host: HostPlatform;
  asset: ManagedRuntimeAsset;
  features: KtxRuntimeFeature[];
  /** Where the new environment is built and stays: never a folder that was there before. */
  environmentDir: string;
  /** Why, for the history. */
  reason: InstallReason;
  uv: UvAcquisition;
  /** `null` for a foreign wheel: uv resolves it online. */
  locked: LockedPlan | null;
  /** Which Python such a wheel may have, and whether an earlier setup was told so; whether uv can fetch one shows when it is asked. */
  foreignPython: { choice: PythonChoice; isKept: boolean };
  /** Only these hosts are contacted. */
  hosts: readonly string[];
  /** What is written where, for the message when a disk turns out to be full. */
  diskNeeds: readonly DiskNeed[];
}

/** What a plan is carried out with. */
export interface InstallTools {
  /** Environment of the children, before it is scrubbed. */
  env: NodeJS.ProcessEnv;
  network: SetupNetwork;
  store: ArtefactStore;
  /** Injected commands: there is nothing real to prove or to hash. */
  exec?: ManagedPythonRuntimeExec;
  /** Options of `ensureManagedUv`, for plans whose uv is of kind `ensure`. */
  ensureUv: EnsureManagedUvOptions;
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
  /** The manifest that was active when the plan was made. */
  present: InstalledKtxRuntimeManifest | null;
  /** `readWriteMark` of before: all that the plan saw was seen after it, but for `present`. */
  writeMark: string | null;
  summary: PlanSummary;
  plan: InstallPlan;
  tools: InstallTools;
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
