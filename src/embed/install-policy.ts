import type { KtxRuntimeFeature } from '../core/features.ts';
import type { ManagedPythonRuntimeLayout } from '../core/layout.ts';
import type { InstalledKtxRuntimeManifest } from '../runtime/manifest.ts';
import type { ManagedPythonRuntimeStatus } from '../runtime/status.ts';
import { errorMessage, KtxExpectedError } from '../support/errors.ts';
import { programName } from '../support/program-name.ts';
import { type CommandSpinner, createCommandSpinner } from './command-spinner.ts';
import { confirmOnTerminal, installQuestion } from './install-consent.ts';
import type { KtxCliIo } from './io.ts';

/** What a command may do when the runtime it needs is missing: ask, install, or fail. */
export type KtxManagedPythonInstallPolicy = 'prompt' | 'auto' | 'never';

/** The policy for `--yes` and `--no-input`. @throws Error when both are given. */
export function runtimeInstallPolicyFromFlags(flags: {
  yes?: boolean;
  input?: boolean;
}): KtxManagedPythonInstallPolicy {
  const isAsking = flags.input !== false;
  if (flags.yes === true && !isAsking) {
    throw new KtxExpectedError('Choose only one runtime install mode: --yes or --no-input');
  }
  if (flags.yes === true) return 'auto';
  return isAsking ? 'prompt' : 'never';
}

/** The same for `ktx setup`, where both flags together mean an unattended install. */
export function setupInstallPolicy(flags: { yes?: boolean; input?: boolean }): KtxManagedPythonInstallPolicy {
  return flags.yes === true ? 'auto' : runtimeInstallPolicyFromFlags(flags);
}

/** The command that installs a feature. */
export function managedRuntimeInstallCommand(feature: KtxRuntimeFeature = 'core'): string {
  const flag = feature === 'core' ? '' : ` --feature ${feature}`;
  return `${programName()} admin runtime install${flag} --yes`;
}

export interface ManagedPythonCommandRuntime {
  layout: ManagedPythonRuntimeLayout;
  manifest: InstalledKtxRuntimeManifest;
}

export interface ManagedPythonCommandOptions {
  cliVersion: string;
  installPolicy: KtxManagedPythonInstallPolicy;
  io: KtxCliIo;
  /** Default: `core`. */
  feature?: KtxRuntimeFeature;
  readStatus?: (options: { cliVersion: string }) => Promise<ManagedPythonRuntimeStatus>;
  installRuntime?: (options: {
    cliVersion: string;
    features: KtxRuntimeFeature[];
    force: boolean;
  }) => Promise<ManagedPythonCommandRuntime>;
  confirmInstall?: (question: string, io: KtxCliIo) => boolean | Promise<boolean>;
  spinner?: () => CommandSpinner;
}

/**
 * The runtime that a command needs: the installed one, silently, or one installed now if the policy allows.
 * @throws KtxExpectedError with the command to run when installing is not allowed; CancelledError when the
 * question is cancelled.
 */
export async function ensureManagedPythonCommandRuntime(
  options: ManagedPythonCommandOptions,
): Promise<ManagedPythonCommandRuntime> {
  const { cliVersion, installPolicy, io, feature = 'core' } = options;
  const readStatus =
    options.readStatus ?? (await import('../runtime/status.ts')).readManagedPythonRuntimeStatus;
  const { kind, layout, manifest } = await readStatus({ cliVersion });
  if (kind === 'ready' && manifest?.features.includes(feature)) return { layout, manifest };

  const command = managedRuntimeInstallCommand(feature);
  if (installPolicy === 'never') {
    throw new KtxExpectedError(`ktx Python runtime is required for this command. Run: ${command}`);
  }
  if (installPolicy === 'prompt') {
    const isAgreed = await (options.confirmInstall ?? confirmOnTerminal)(installQuestion(feature), io);
    if (!isAgreed) {
      throw new KtxExpectedError(`ktx Python runtime installation was cancelled. Run: ${command}`);
    }
  }

  const installRuntime = options.installRuntime ?? (await import('./install.ts')).installManagedPythonRuntime;
  const spinner = options.spinner?.() ?? createCommandSpinner(io);
  spinner.start(`Installing ktx Python runtime (${feature}) with uv...`);
  try {
    const installed = await installRuntime({ cliVersion, features: [feature], force: false });
    spinner.stop(`ktx Python runtime ready: ${installed.layout.versionDir}`);
    return { layout: installed.layout, manifest: installed.manifest };
  } catch (error) {
    spinner.error(`ktx Python runtime install failed: ${errorMessage(error)}`);
    throw error;
  }
}
