import {
  featuresSatisfy,
  type KtxRuntimeFeature,
  normaliseFeatures,
  RUNTIME_FEATURES,
} from '../core/features.ts';
import { type ManagedPythonRuntimeLayout, managedPythonRuntimeLayout } from '../core/layout.ts';
import { findInstalledEnvironment } from '../runtime/installed-environment.ts';
import {
  type InstalledKtxRuntimeManifest,
  readInstalledManifest,
  readNewerManifest,
} from '../runtime/manifest.ts';
import { findDamage } from '../runtime/recorded-sizes.ts';
import { assertTrustedFolders } from '../runtime/trusted-folders.ts';
import type { ManagedRuntimeAsset } from '../shipped/asset.ts';
import { verifyRuntimeAsset } from '../shipped/asset.ts';
import { readLockedDigests } from '../shipped/locked-asset.ts';
import { NewerFormatError } from '../support/errors.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import type { Prepared } from './plan/install-plan.ts';
import type { PrepareOptions } from './request/install-types.ts';

/**
 * Replacing the manifest of a newer ktx would take its runtime away; `--force` confirms it. A manifest that
 * does not name its writer counts as garbage.
 */
async function assertNotOfNewer({ manifestPath }: ManagedPythonRuntimeLayout): Promise<void> {
  const newer = await readNewerManifest(manifestPath);
  if (newer !== null && newer.writtenBy !== null) throw new NewerFormatError(manifestPath, newer.writtenBy);
}

/**
 * Plans an install and changes nothing. The reuse path comes first: it reads the bundled wheel and the
 * installed manifest, starts no process and contacts no host. The planner is imported only when there is
 * something to plan.
 */
export async function prepareInstall(options: PrepareOptions): Promise<Prepared> {
  const layout = managedPythonRuntimeLayout(options);
  await assertTrustedFolders(layout.runtimeRoot, [layout.versionDir]);
  const [asset, manifest] = await Promise.all([
    verifyRuntimeAsset({ assetDir: layout.assetDir }),
    // An invalid manifest is a reason to reinstall, not to refuse.
    readInstalledManifest(layout.manifestPath).catch(() => null),
  ]);
  if (manifest === null && !options.shouldForce) await assertNotOfNewer(layout);
  const requested = normaliseFeatures(options.features);
  if (!options.shouldForce && manifest && (await isReusable(manifest, layout, asset, requested))) {
    const installed = await findInstalledEnvironment(layout, manifest);
    const { layout: found, problem } = installed;
    if (problem === null && (await findDamage(found.runtimeRoot, found.venvDir)) === null)
      return { status: 'ready', layout: found, asset, manifest };
  }
  const features = normaliseFeatures([...requested, ...(await featuresToKeep(manifest, layout))]);
  const { planInstall } = await import('./plan/plan.ts');
  const planned = planInstall(options, { layout, asset, manifest, features });
  // Preload the next modules while the plan waits for hosts and interpreters. A failure surfaces where they
  // are used.
  for (const loading of [import('./build/execute-plan.ts'), import('../lifecycle/recovery.ts')])
    loading.catch(() => {});
  return planned;
}

/**
 * An update or a repair keeps what was installed. Where the manifest is gone or unreadable, the history says
 * what that was.
 */
async function featuresToKeep(
  manifest: InstalledKtxRuntimeManifest | null,
  { cliVersion, versionDir }: ManagedPythonRuntimeLayout,
): Promise<readonly KtxRuntimeFeature[]> {
  if (manifest !== null) return manifest.cliVersion === cliVersion ? manifest.features : [];
  const { readHistory } = await import('../runtime/history.ts');
  const { features = [] } = (await readHistory(versionDir)).at(-1) ?? {};
  return RUNTIME_FEATURES.filter((feature) => features.includes(feature));
}

async function isReusable(
  present: InstalledKtxRuntimeManifest,
  layout: ManagedPythonRuntimeLayout,
  asset: ManagedRuntimeAsset,
  requested: readonly KtxRuntimeFeature[],
): Promise<boolean> {
  return (
    present.cliVersion === layout.cliVersion &&
    present.asset.wheel.sha256 === asset.manifest.wheel.sha256 &&
    featuresSatisfy(present.features, requested) &&
    (await pathExists(present.python.executable)) &&
    (await pathExists(present.python.daemonExecutable)) &&
    (await isSameLock(present, layout.assetDir))
  );
}

/**
 * A different lock with the same wheel means different packages. A manifest without lock digests proves
 * nothing.
 */
async function isSameLock(present: InstalledKtxRuntimeManifest, assetDir: string): Promise<boolean> {
  if (!present.locked) return true;
  const shipped = await readLockedDigests(assetDir, present.features);
  return (
    shipped !== null &&
    shipped.lock === present.locked.lock &&
    shipped.requirements === present.locked.requirements
  );
}
