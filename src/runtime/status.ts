import { dirname, isAbsolute, relative } from 'node:path';
import { errorMessage } from '../support/errors.ts';
import { pathExists } from '../support/path-exists.ts';
import {
  type ManagedPythonRuntimeLayout,
  type ManagedPythonRuntimeLayoutOptions,
  managedPythonRuntimeLayout,
} from './layout.ts';
import { type InstalledKtxRuntimeManifest, readInstalledManifest } from './manifest.ts';

export interface ManagedPythonRuntimeStatus {
  kind: 'missing' | 'ready' | 'mismatched' | 'broken';
  /** One sentence with the path or the versions that decided it. */
  detail: string;
  /** Names the active environment when the manifest does and it lies in the version's folder. */
  layout: ManagedPythonRuntimeLayout;
  manifest?: InstalledKtxRuntimeManifest;
}

/**
 * What is installed for this CLI version. Reads the manifest and looks whether its two executables are there; writes
 * nothing, spawns nothing, and never rejects for a bad manifest. Whether the runtime works is the doctor's question.
 * Contract section 11.
 */
export async function readManagedPythonRuntimeStatus(
  options: ManagedPythonRuntimeLayoutOptions,
): Promise<ManagedPythonRuntimeStatus> {
  const computed = managedPythonRuntimeLayout(options);
  let manifest: InstalledKtxRuntimeManifest | null;
  try {
    manifest = await readInstalledManifest(computed.manifestPath);
  } catch (error) {
    const { schemaProblem } = await import('../support/schema.ts');
    return {
      kind: 'broken',
      detail: `Runtime manifest is invalid: ${schemaProblem(error) ?? errorMessage(error)}`,
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
  const layout = withInstalledPaths(computed, manifest);
  if (manifest.cliVersion !== options.cliVersion) {
    const detail = `Runtime is for CLI ${manifest.cliVersion}, current CLI is ${options.cliVersion}`;
    return { kind: 'mismatched', detail, layout, manifest };
  }
  const { executable, daemonExecutable } = manifest.python;
  if (!(await pathExists(executable))) {
    return { kind: 'broken', detail: `Missing Python executable: ${executable}`, layout, manifest };
  }
  if (!(await pathExists(daemonExecutable))) {
    const detail = `Missing ktx-daemon executable: ${daemonExecutable}`;
    return { kind: 'broken', detail, layout, manifest };
  }
  return { kind: 'ready', detail: `Runtime ready at ${layout.versionDir}`, layout, manifest };
}

/**
 * The layout with the paths of the environment that the manifest names. A manifest that points out of its version's
 * folder is not followed: what is reported here is also what gets deleted.
 */
export function withInstalledPaths(
  layout: ManagedPythonRuntimeLayout,
  manifest: InstalledKtxRuntimeManifest,
): ManagedPythonRuntimeLayout {
  const { executable, daemonExecutable } = manifest.python;
  const venvDir = dirname(dirname(executable));
  if (!isInside(layout.versionDir, venvDir) || !isInside(venvDir, daemonExecutable)) return layout;
  return { ...layout, venvDir, pythonPath: executable, daemonPath: daemonExecutable };
}

function isInside(parent: string, child: string): boolean {
  const path = relative(parent, child);
  return path !== '' && !/^\.\.(?:[/\\]|$)/.test(path) && !isAbsolute(path);
}
