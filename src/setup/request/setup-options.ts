import type { OnEvent } from '../../core/events.ts';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { PythonChoice } from '../../python/python-choice.ts';

/** The request for a setup. Everything else is detected, and shown in the plan. */
export interface SetupOptions {
  cliVersion: string;
  features: KtxRuntimeFeature[];
  assetDir?: string;
  runtimeRoot?: string;
  /** Replaces the process environment entirely. */
  env?: NodeJS.ProcessEnv;
  homeDir?: string;
  /** Default: the choice of an earlier setup of this root, else `auto`. */
  python?: PythonChoice;
  /** A uv binary supplied by the user, used without verification. */
  uvPath?: string;
  indexUrl?: string;
  isOffline?: boolean;
  /** Installs from this bundle: it is verified and loaded into the store first, and no host is contacted. */
  bundle?: { path: string; trustFile?: string; isSignatureRequired?: boolean };
  /** Hosts beyond those of the plan that may be contacted (`--allow-host`). */
  allowedHosts?: readonly string[];
  shouldIgnoreDisk?: boolean;
  /** Builds a new environment even if the current one satisfies the request. */
  shouldForce?: boolean;
  onEvent?: OnEvent;
  signal?: AbortSignal;
}
