import { join } from 'node:path';
import { environmentPaths, type ManagedPythonRuntimeLayout } from '../core/layout.ts';
import { jsonText, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { environmentsDir, readEnvironments } from './environments.ts';
import type { InstalledKtxRuntimeManifest } from './manifest.ts';

/**
 * Makes a proven environment the active one. The rename of `manifest.json` is the commit point: before it the old
 * runtime answers, after it the new one.
 * @param previous the environment that undo goes back to.
 */
export async function commitEnvironment(
  layout: ManagedPythonRuntimeLayout,
  environmentDir: string,
  manifest: InstalledKtxRuntimeManifest,
  previous: string | null,
): Promise<void> {
  await writeFileAtomic(join(environmentDir, 'environment.json'), jsonText({ ...manifest, previous }));
  await writeFileAtomic(layout.manifestPath, jsonText(manifest));
}

/** The environment that a new one takes over from, by id: the active one, or where that does not run the one before it. */
export async function previousEnvironment(versionDir: string): Promise<string | null> {
  const { active, other, records } = await readEnvironments(versionDir);
  for (const id of active.kind === 'id' ? [active.id, other] : []) {
    if (id === null || !records.has(id)) continue;
    if (await pathExists(environmentPaths(join(environmentsDir(versionDir), id)).pythonPath)) return id;
  }
  return null;
}
