import type { OnEvent } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { PythonChoice } from '../../python/python-choice.ts';

/** What a setup is asked to do. Everything else it finds out by itself, and says in the plan. */
export interface SetupOptions {
  cliVersion: string;
  features: KtxRuntimeFeature[];
  assetDir?: string;
  runtimeRoot?: string;
  /** Replaces the process environment entirely when given. */
  env?: NodeJS.ProcessEnv;
  homeDir?: string;
  /** Default: as an earlier setup of this root was told, else `auto`. */
  python?: PythonChoice;
  /** A uv binary placed by hand, used unverified because the user says so. */
  uvPath?: string;
  indexUrl?: string;
  isOffline?: boolean;
  /** Install from this bundle: it is verified and put into the store first, and no host is contacted. */
  bundle?: { path: string; trustFile?: string; isSignatureRequired?: boolean };
  /** Hosts beyond the plan's that may be contacted (`--allow-host`). */
  allowedHosts?: readonly string[];
  shouldIgnoreDisk?: boolean;
  /** Build a new environment although the present one would do. */
  shouldForce?: boolean;
  onEvent?: OnEvent;
  signal?: AbortSignal;
}
