import { basename, join } from 'node:path';
import { environmentPaths, type ManagedPythonRuntimeLayout } from '../core/layout.ts';
import { environmentsDir, readEnvironments, tidyEnvironments } from '../runtime/environments.ts';
import { isEnvironmentInUse } from '../runtime/environments-in-use.ts';
import type { Journal } from '../runtime/journal.ts';
import type { InstalledKtxRuntimeManifest } from '../runtime/manifest.ts';
import { findDamage, type RecordedSizes, writeRecordedSizes } from '../runtime/recorded-sizes.ts';
import type { Note } from '../runtime/write-access.ts';
import { errorMessage, throwIfCancelled } from '../support/errors.ts';
import { jsonText, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { makeDurable } from './durable.ts';

/** One environment of a version takes over from another one, or from none, or from the `.venv` of an older ktx. */
export interface Switchover {
  layout: Pick<ManagedPythonRuntimeLayout, 'runtimeRoot' | 'versionDir' | 'manifestPath'>;
  /** The environment that takes over. It has proved itself. */
  environmentDir: string;
  /** Names its interpreter; becomes `manifest.json`. */
  manifest: InstalledKtxRuntimeManifest;
  /** Of one that was just built: what its own record says beside the manifest. One that undo goes to has its record. */
  built?: { sizes: RecordedSizes };
  /** Other folders that it uses, such as its Python and its model. */
  uses: readonly string[];
  /** There is nothing real to make durable. */
  isInjected?: boolean;
  journal: Pick<Journal, 'write'>;
  note: Note;
  signal?: AbortSignal | undefined;
}

/**
 * Carries it out: the environment's record; all that the manifest will point to onto the disk; `manifest.json`, whose rename is the
 * commit point; then the link `.venv`, and the removal of what nothing needs any more. Needs write access.
 *
 * Until the commit everything answers as before and a rejection means that nothing happened. After it nothing rejects: what is left
 * to tidy is only said, and the next run does it.
 * @throws CancelledError, or the file system's error.
 */
export async function switchOver(switchover: Switchover): Promise<void> {
  const { layout, environmentDir, manifest, built, journal, note, signal } = switchover;
  const id = basename(environmentDir);
  if (built) {
    const previous = await previousEnvironment(layout);
    if (!switchover.isInjected) await writeRecordedSizes(environmentDir, built.sizes);
    const record = jsonText({ ...manifest, previous });
    await writeFileAtomic(join(environmentDir, 'environment.json'), record, 0o644, { isDurable: false });
  }
  const folders = [environmentDir, ...switchover.uses];
  if (!switchover.isInjected) await makeDurable(folders, { signal, note });
  throwIfCancelled(signal);
  journal.write({ switchingTo: id });
  await writeFileAtomic(layout.manifestPath, jsonText(manifest));
  await tidyAfterSwitch(layout, journal, id, note).catch((error: unknown) => {
    note('warning', `The new runtime is in force, but tidying up did not end: ${errorMessage(error)}`);
  });
}

async function tidyAfterSwitch(
  { versionDir }: Switchover['layout'],
  journal: Switchover['journal'],
  id: string,
  note: Note,
): Promise<void> {
  // A full disk takes no note, and is no reason to leave more on it.
  try {
    journal.write({ switchedTo: id });
  } catch {}
  const { problems } = await tidyEnvironments(versionDir, isEnvironmentInUse);
  for (const text of problems) note('warning', text);
}

/** The environment that a new one takes over from, by id: the active one, or where that is not whole the one before it. */
async function previousEnvironment({
  runtimeRoot,
  versionDir,
}: Switchover['layout']): Promise<string | null> {
  const { active, other, records } = await readEnvironments(versionDir);
  for (const id of active.kind === 'id' ? [active.id, other] : []) {
    if (id === null || !records.has(id)) continue;
    const environmentDir = join(environmentsDir(versionDir), id);
    if (!(await pathExists(environmentPaths(environmentDir).pythonPath))) continue;
    if ((await findDamage(runtimeRoot, environmentDir)) === null) return id;
  }
  return null;
}
