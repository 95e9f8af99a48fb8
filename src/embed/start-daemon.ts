import { featuresSatisfy, type KtxRuntimeFeature, normaliseFeatures } from '../core/features.ts';
import { isStrictWanted } from '../daemon/environment.ts';
import { readDaemonHealth } from '../daemon/http/health.ts';
import { type ManagedPythonDaemonLayout, managedPythonDaemonLayout } from '../daemon/layout.ts';
import { hasOtherSettings, startedBeforeRuntime } from '../daemon/outdated.ts';
import { readDaemonSecret } from '../daemon/secret.ts';
import { assertDaemonSettings } from '../daemon/settings.ts';
import {
  assertNotNewer,
  daemonBaseUrl,
  type ManagedPythonDaemonState,
  publishDaemonState,
  removeDaemonState,
} from '../daemon/state.ts';
import {
  inspectDaemon,
  type ManagedPythonDaemonStatus,
  type ManagedPythonDaemonStatusOptions,
} from '../daemon/status.ts';
import { endRecordedDaemon } from '../daemon/stop.ts';
import { isProcessAlive } from '../process/list-processes.ts';
import type { InstalledKtxRuntimeManifest } from '../runtime/manifest.ts';
import { SetupError, throwIfCancelled } from '../support/errors.ts';
import { otherRemedy } from '../support/remedies.ts';
import {
  type ManagedPythonDaemonStartOptions,
  SETTINGS_TIMEOUT_MS,
  spawnHealthyDaemon,
  wantsToken,
} from './spawn-daemon.ts';

export interface ManagedPythonDaemonStartResult {
  /** `reused`: one that runs satisfies the request. */
  status: 'started' | 'reused';
  layout: ManagedPythonDaemonLayout;
  state: ManagedPythonDaemonState;
  baseUrl: string;
}

/** A start that keeps losing against others is not the one that is wanted. */
const MAX_PUBLISH_ATTEMPTS = 3;

/**
 * Starts this project's daemon, or finds that a healthy one with the features runs. Installs what is missing without
 * asking: consent belongs to the caller. The state file is written once the daemon answers, so a failed start leaves
 * none; of two starts at once one ends with `reused`.
 * @throws SetupError for a setting that a daemon would refuse.
 * @throws ManagedPythonDaemonStartError when it never becomes healthy, with the last reason and the path of its log.
 * @throws CancelledError when the signal fires; a child that was spawned is gone then.
 */
export async function startManagedPythonDaemon(
  options: ManagedPythonDaemonStartOptions,
): Promise<ManagedPythonDaemonStartResult> {
  const features = normaliseFeatures(options.features);
  assertDaemonSettings(process.env);
  const layout = managedPythonDaemonLayout(layoutOptions(options));
  const wanted = options.force === true ? null : features;
  const present = await reusePresent(options, wanted);
  if (present) return present;

  const { manifest, daemonPath } = await installRuntime(options, features);
  throwIfCancelled(options.signal);
  // Only now: an install that fails leaves the daemon that works.
  const other = await reuseOrDiscardPresent(options, wanted);
  if (other) return other;
  const daemon = await spawnHealthyDaemon(options, layout, manifest, daemonPath);
  try {
    for (let attempt = 1; attempt <= MAX_PUBLISH_ATTEMPTS; attempt++) {
      if (await publishDaemonState(layout.daemonStatePath, daemon.state)) {
        return { status: 'started', layout, state: daemon.state, baseUrl: daemonBaseUrl(daemon.state) };
      }
      // Written since we looked, so it is another start's. Also with `force`: that daemon is as new as ours.
      const other = await reuseOrDiscardPresent(options, features);
      if (other) {
        await daemon.end();
        return other;
      }
    }
    throw new SetupError(
      `Other ktx processes keep replacing the daemon of this project: ${layout.daemonStatePath}`,
      {
        failureClass: 'conflict',
        remedies: [otherRemedy('Start it again', { argv: ['ktx', 'admin', 'runtime', 'start'] })],
      },
    );
  } catch (error) {
    await daemon.end();
    throw error;
  }
}

/** A running daemon with these features; `null` without one, and any other goes on. */
async function reusePresent(
  options: ManagedPythonDaemonStartOptions,
  features: readonly KtxRuntimeFeature[] | null,
): Promise<ManagedPythonDaemonStartResult | null> {
  if (features === null) return null;
  return reusable(options, features, await inspectDaemon(statusOptions(options)));
}

/** A running daemon with these features; any other (every one for `null`) is ended, if it is ours, and forgotten. */
async function reuseOrDiscardPresent(
  options: ManagedPythonDaemonStartOptions,
  features: readonly KtxRuntimeFeature[] | null,
): Promise<ManagedPythonDaemonStartResult | null> {
  const found = await inspectDaemon(statusOptions(options));
  const wanted = features === null ? null : await reusable(options, features, found);
  if (wanted) return wanted;
  const { status, read } = found;
  await assertNotNewer(read, options.processAlive ?? isProcessAlive);
  if (read.kind === 'valid') await endRecordedDaemon(status.layout, read.state, options);
  await removeDaemonState(status.layout.daemonStatePath, read);
  return null;
}

async function reusable(
  options: ManagedPythonDaemonStartOptions,
  features: readonly KtxRuntimeFeature[],
  { status }: Awaited<ReturnType<typeof inspectDaemon>>,
): Promise<ManagedPythonDaemonStartResult | null> {
  const isWanted =
    status.kind === 'running' &&
    featuresSatisfy(status.state.features, features) &&
    !(await isOutdated(options, status));
  if (!isWanted) return null;
  const { layout, state, baseUrl } = status;
  return { status: 'reused', layout, state, baseUrl };
}

/** It runs from before a repair, or with other settings. With an injected `fetch` there is no real daemon to ask. */
async function isOutdated(
  options: ManagedPythonDaemonStartOptions,
  daemon: Extract<ManagedPythonDaemonStatus, { kind: 'running' }>,
): Promise<boolean> {
  if (options.fetch) return false;
  if (await startedBeforeRuntime(daemon.state, daemon.layout.manifestPath)) return true;
  const known = await readDaemonSecret(daemon.layout);
  const secret = known.kind === 'kept' ? known.secret : undefined;
  const health = await readDaemonHealth(daemon.baseUrl, SETTINGS_TIMEOUT_MS, secret);
  if (health === null) return false;
  return hasOtherSettings(health, process.env) || (isStrictWanted(process.env) && !wantsToken(health));
}

async function installRuntime(
  options: ManagedPythonDaemonStartOptions,
  features: KtxRuntimeFeature[],
): Promise<{ manifest: InstalledKtxRuntimeManifest; daemonPath: string }> {
  const { projectDir: _, ...runtimeOptions } = layoutOptions(options);
  const installOptions = {
    ...runtimeOptions,
    features,
    force: false,
    ...(options.signal ? { signal: options.signal } : {}),
  };
  if (options.installRuntime) {
    const { manifest } = await options.installRuntime(installOptions);
    return { manifest, daemonPath: manifest.python.daemonExecutable };
  }
  const { installManagedPythonRuntime } = await import('./install.ts');
  const { manifest, layout } = await installManagedPythonRuntime({
    ...installOptions,
    ...(options.note ? { note: options.note } : {}),
  });
  return { manifest, daemonPath: layout.daemonPath };
}

const LAYOUT_KEYS = ['platform', 'env', 'homeDir', 'runtimeRoot', 'assetDir'] as const;

/** The layout options that were given, and no `undefined` ones: the installer is called with exactly these. */
function layoutOptions(options: ManagedPythonDaemonStartOptions) {
  const { cliVersion, projectDir } = options;
  const given = LAYOUT_KEYS.filter((key) => options[key] !== undefined);
  const overrides: Pick<ManagedPythonDaemonStartOptions, (typeof LAYOUT_KEYS)[number]> = Object.fromEntries(
    given.map((key) => [key, options[key]]),
  );
  return { cliVersion, projectDir, ...overrides };
}

function statusOptions(options: ManagedPythonDaemonStartOptions): ManagedPythonDaemonStatusOptions {
  const { fetch, processAlive } = options;
  return { ...layoutOptions(options), fetch, processAlive };
}
