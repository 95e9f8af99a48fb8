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
  /** Builds a new environment although a matching one is there. */
  force?: boolean;
  /** Replaces process execution; with it there is nothing real to prove or to hash. */
  exec?: ManagedPythonRuntimeExec;
  /** Replaces the whole chain of uv sources by one fetch. */
  fetchUvArtifact?: ManagedUvFetchArtifact;
  /** Ends children and transfers; the call rejects with `CancelledError` then. */
  signal?: AbortSignal;
}

export interface ManagedPythonRuntimeInstallResult {
  /** `ready`: the one that was there satisfies the request and was left alone. */
  status: 'ready' | 'installed';
  layout: ManagedPythonRuntimeLayout;
  asset: ManagedRuntimeAsset;
  manifest: InstalledKtxRuntimeManifest;
}

/** What is asked of an install, with the environment and home that it works in. */
export type PrepareOptions = Omit<SetupOptions, 'env' | 'homeDir'> &
  Pick<ManagedPythonRuntimeInstallOptions, 'exec' | 'fetchUvArtifact' | 'platform'> & {
    env: NodeJS.ProcessEnv;
    homeDir: string;
  };
