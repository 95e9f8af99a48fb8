import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { ManagedPythonRuntimeLayout, ManagedPythonRuntimeLayoutOptions } from '../../core/layout.ts';
import type { ManagedPythonRuntimeExec } from '../../process/exec.ts';
import type { InstalledKtxRuntimeManifest } from '../../runtime/manifest.ts';
import type { ManagedRuntimeAsset } from '../../shipped/asset.ts';
import type { ManagedUvFetchArtifact } from '../../uv/acquire.ts';
import type { SetupOptions } from './setup-options.ts';

/** Options of `installManagedPythonRuntime`. */
export interface ManagedPythonRuntimeInstallOptions extends ManagedPythonRuntimeLayoutOptions {
  features: KtxRuntimeFeature[];
  /** Builds a new environment even if a matching one exists. */
  force?: boolean;
  /** Replaces process execution; the environment is then neither proved nor hashed. */
  exec?: ManagedPythonRuntimeExec;
  /** Replaces the whole chain of uv sources by one fetch. */
  fetchUvArtifact?: ManagedUvFetchArtifact;
  /** Aborts children and transfers; the call then rejects with `CancelledError`. */
  signal?: AbortSignal;
}

export interface ManagedPythonRuntimeInstallResult {
  /** `ready`: the existing runtime satisfies the request and was left alone. */
  status: 'ready' | 'installed';
  layout: ManagedPythonRuntimeLayout;
  asset: ManagedRuntimeAsset;
  manifest: InstalledKtxRuntimeManifest;
}

/** The request for an install, with its environment and home. */
export type PrepareOptions = Omit<SetupOptions, 'env' | 'homeDir'> &
  Pick<ManagedPythonRuntimeInstallOptions, 'exec' | 'fetchUvArtifact' | 'platform'> & {
    env: NodeJS.ProcessEnv;
    homeDir: string;
  };
