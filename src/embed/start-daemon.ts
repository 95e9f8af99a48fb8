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
  /** `reused`: a running daemon satisfies the request. */
  status: 'started' | 'reused';
  layout: ManagedPythonDaemonLayout;
  state: ManagedPythonDaemonState;
  baseUrl: string;
}

/** Give up after losing this many races against other starts. */
const MAX_PUBLISH_ATTEMPTS = 3;

/**
 * Starts this project's daemon, unless a healthy one with these features is running. Installs what is missing
 * without asking: the caller is responsible for consent. The state file is written once the daemon answers,
 * so a failed start leaves none; of two concurrent starts, one ends with `reused`.
 * @throws SetupError for a setting that a daemon would refuse.
 * @throws ManagedPythonDaemonStartError when it never becomes healthy, with the last reason and the path of
 * its log.
 * @throws CancelledError when the signal fires; a spawned child is gone then.
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
  // Only now: a failed install must leave the working daemon alone.
  const other = await reuseOrDiscardPresent(options, wanted);
  if (other) return other;
  const daemon = await spawnHealthyDaemon(options, layout, manifest, daemonPath);
  try {
    for (let attempt = 1; attempt <= MAX_PUBLISH_ATTEMPTS; attempt++) {
      if (await publishDaemonState(layout.daemonStatePath, daemon.state)) {
        return { status: 'started', layout, state: daemon.state, baseUrl: daemonBaseUrl(daemon.state) };
      }
      // Written since our check, so by another start. Accepted even with `force`: that daemon is as new as
      // ours.
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

/** A running daemon with these features, or `null`. Any other daemon is left running. */
async function reusePresent(
  options: ManagedPythonDaemonStartOptions,
  features: readonly KtxRuntimeFeature[] | null,
): Promise<ManagedPythonDaemonStartResult | null> {
  if (features === null) return null;
  return reusable(options, features, await inspectDaemon(statusOptions(options)));
}

/**
 * A running daemon with these features. Any other one (every one for `null`) is ended if it is ours, and its
 * record removed.
 */
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

/**
 * Whether it was started before a repair or with different settings. With an injected `fetch` there is no
 * real daemon to ask.
 */
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

/**
 * The layout options that were given, without `undefined` values: the installer is called with exactly these.
 */
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
