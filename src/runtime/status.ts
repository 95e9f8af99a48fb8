import { daemonCommandName } from '../core/embedder.ts';
import {
  type ManagedPythonRuntimeLayout,
  type ManagedPythonRuntimeLayoutOptions,
  managedPythonRuntimeLayout,
} from '../core/layout.ts';
import { errorCode } from '../support/errors.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { findInstalledEnvironment } from './installed-environment.ts';
import { type InstalledKtxRuntimeManifest, readInstalledManifest } from './manifest.ts';
import { findDamage } from './recorded-sizes.ts';
import { inspectFolders } from './trusted-folders.ts';

export interface ManagedPythonRuntimeStatus {
  kind: 'missing' | 'ready' | 'mismatched' | 'broken';
  /** One sentence with the path or versions that decided it. */
  detail: string;
  /** The active environment's, when the manifest names one inside the version's folder. */
  layout: ManagedPythonRuntimeLayout;
  manifest?: InstalledKtxRuntimeManifest;
}

/**
 * What is installed for this CLI version. Reads the manifest, then checks that its two programs exist, are
 * executable and lie in this version's folder, and that recorded files have their sizes. Writes nothing,
 * spawns nothing and never rejects for a bad manifest. Whether the runtime works is for the doctor to say.
 */
export async function readManagedPythonRuntimeStatus(
  options: ManagedPythonRuntimeLayoutOptions,
): Promise<ManagedPythonRuntimeStatus> {
  const computed = managedPythonRuntimeLayout(options);
  const { distrust } = await inspectFolders(computed.runtimeRoot, [computed.versionDir]);
  if (distrust) return { kind: 'broken', detail: distrust.message, layout: computed };
  let manifest: InstalledKtxRuntimeManifest | null;
  try {
    manifest = await readInstalledManifest(computed.manifestPath);
  } catch (error) {
    const { describeInvalidManifest, describeUnreadable } = await import('./unreadable.ts');
    const closed =
      errorCode(error) === 'EACCES'
        ? await describeUnreadable(computed.manifestPath, computed.runtimeRoot)
        : null;
    if (closed !== null)
      return { kind: 'broken', detail: `Runtime cannot be read: ${closed}`, layout: computed };
    return {
      kind: 'broken',
      detail: await describeInvalidManifest(computed.manifestPath, error),
      layout: computed,
    };
  }
  if (!manifest) {
    return {
      kind: 'missing',
      detail: `No runtime manifest at ${computed.manifestPath}`,
      layout: computed,
    };
  }
  const { layout, problem } = await findInstalledEnvironment(computed, manifest);
  if (manifest.cliVersion !== options.cliVersion) {
    const detail = `Runtime is for CLI ${manifest.cliVersion}, current CLI is ${options.cliVersion}`;
    return { kind: 'mismatched', detail, layout, manifest };
  }
  const { executable, daemonExecutable } = manifest.python;
  if (!(await pathExists(executable))) {
    return { kind: 'broken', detail: `Missing Python executable: ${executable}`, layout, manifest };
  }
  if (!(await pathExists(daemonExecutable))) {
    const detail = `Missing ${daemonCommandName()} executable: ${daemonExecutable}`;
    return { kind: 'broken', detail, layout, manifest };
  }
  const damage = problem ?? (await findDamage(layout.runtimeRoot, layout.venvDir));
  if (damage !== null) return { kind: 'broken', detail: damage, layout, manifest };
  return { kind: 'ready', detail: `Runtime ready at ${layout.versionDir}`, layout, manifest };
}
