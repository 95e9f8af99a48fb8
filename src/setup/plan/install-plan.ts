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

/** Where one kind of artefact comes from, as text and as a host or folder. */
export interface Origin {
  from: string;
  place: string;
}

/** How uv gets to `path`. */
export type UvAcquisition =
  /** The user supplied it with `--uv`: neither verified nor deleted. */
  | { kind: 'given'; path: string }
  /** Already installed; `isPinned`: its digest is checked again before it runs. */
  | { kind: 'here'; path: string; isPinned: boolean }
  /** From the store or a host: the release archive, or uv's wheel. */
  | { kind: 'fetch'; path: string; artefact: Artefact }
  /** Through `ensureManagedUv`, for callers that inject their own download. */
  | { kind: 'ensure'; path: string };

/** One way to get the model's files. */
export interface ModelSource {
  origin: Origin;
  /** `container`: the files are members of one archive. */
  form: 'files' | 'container';
  /** All artefacts, including those in the store: they are hashed again before use. */
  artefacts: readonly Artefact[];
}

export interface ModelPlan {
  label: string;
  /** `uv/models/<name>@<revision>`, shared by all versions. */
  folder: string;
  /** Its name on the hub, and the revision pinned by the lock. */
  repository: string;
  revision: string;
  files: readonly Artefact[];
  container: { artefact: Artefact; folder: string };
  /** All files are in the folder, with the right digests. */
  isHere: boolean;
  /** In the order they are tried. */
  sources: readonly ModelSource[];
  /** What the first source will send. */
  toFetch: readonly Artefact[];
  /** Bytes of its files in the folder; 0 when they are there. */
  diskBytes: number;
  /** Bytes needed in addition until the files are in the folder: the archive, if a source delivers one. */
  archiveBytes: number;
  origin: Origin;
  rejected: readonly string[];
  /** Hosts of every source that answered: the next one is used when one fails. */
  hosts: readonly string[];
}

/** The contents of a locked install. */
export interface LockedPlan {
  /** Digests of lock and requirements, for the manifest: a change is a reason to reinstall. */
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

/**
 * Why a new environment is built: none exists, it is damaged, the wheel or lock changed, more features are
 * wanted, or `--force`.
 */
export type InstallReason = 'first' | 'damaged' | 'update' | 'feature' | 'forced';

/**
 * Everything an install will do. Plain data: `ktx setup --dry-run --json` prints it, and the executor decides
 * nothing more.
 */
export interface InstallPlan {
  layout: ManagedPythonRuntimeLayout;
  shared: SharedLayout;
  host: HostPlatform;
  asset: ManagedRuntimeAsset;
  features: KtxRuntimeFeature[];
  /** Where the new environment is built and stays: never an existing folder. */
  environmentDir: string;
  /** Recorded in the history. */
  reason: InstallReason;
  uv: UvAcquisition;
  /** `null` for a wheel without a lock: uv resolves it online. */
  locked: LockedPlan | null;
  /**
   * The Python choice for such a wheel, and whether an earlier setup made it; only uv knows whether it can
   * download one.
   */
  foreignPython: { choice: PythonChoice; isKept: boolean };
  /** Only these hosts are contacted. */
  hosts: readonly string[];
  /** What is written where, for the message about a full disk. */
  diskNeeds: readonly DiskNeed[];
}

/** What a plan is executed with. */
export interface InstallTools {
  /** Environment of the children, before it is scrubbed. */
  env: NodeJS.ProcessEnv;
  network: SetupNetwork;
  store: ArtefactStore;
  /** Injected commands: the environment is neither proved nor hashed. */
  exec?: ManagedPythonRuntimeExec;
  /** Options of `ensureManagedUv`, for plans whose uv is of kind `ensure`. */
  ensureUv: EnsureManagedUvOptions;
}

/** The existing runtime satisfies the request. */
export interface ReadyPreparation {
  status: 'ready';
  layout: ManagedPythonRuntimeLayout;
  asset: ManagedRuntimeAsset;
  manifest: InstalledKtxRuntimeManifest;
}

/** A new environment is needed, and how to build it. */
export interface InstallPreparation {
  status: 'install';
  /** The manifest that was active when the plan was made. */
  present: InstalledKtxRuntimeManifest | null;
  /** `readWriteMark` from before planning: everything in the plan except `present` was read after it. */
  writeMark: string | null;
  summary: PlanSummary;
  plan: InstallPlan;
  tools: InstallTools;
}

export type Prepared = ReadyPreparation | InstallPreparation;

/** The existing installation, when it does not satisfy the request. */
export interface Present {
  layout: ManagedPythonRuntimeLayout;
  asset: ManagedRuntimeAsset;
  manifest: InstalledKtxRuntimeManifest | null;
  /** The requested features and those already installed. */
  features: KtxRuntimeFeature[];
}
