import { basename, dirname, join } from 'node:path';
import type { ManagedPythonRuntimeLayout } from '../core/layout.ts';
import { syncFileSystems } from '../process/sync-file-systems.ts';
import { errorMessage, throwIfCancelled } from '../support/errors.ts';
import { jsonText, stageFile, syncDirectory, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { syncTrees } from '../support/fs/sync-tree.ts';
import { environmentOf, isWholeEnvironment, readEnvironments, tidyEnvironments } from './environments.ts';
import { isEnvironmentInUse } from './environments-in-use.ts';
import { appendHistory } from './history.ts';
import type { Journal } from './journal.ts';
import { type InstalledKtxRuntimeManifest, readInstalledManifest } from './manifest.ts';
import { type RecordedSizes, writeRecordedSizes } from './recorded-sizes.ts';
import type { Note } from './write-access.ts';

/** After this long, say what the wait is for: a busy disk can take minutes. */
const QUIET_MS = 2000;

/**
 * Makes one environment of a version active in place of another, of none, or of the `.venv` of an older ktx.
 */
export interface Switchover {
  layout: Pick<ManagedPythonRuntimeLayout, 'runtimeRoot' | 'versionDir' | 'manifestPath'>;
  /** The environment that becomes active. It has passed its proof. */
  environmentDir: string;
  /** Names that environment's interpreter; becomes `manifest.json`. */
  manifest: InstalledKtxRuntimeManifest;
  /**
   * For a newly built environment: what its record adds to the manifest. The target of an undo has its record
   * already.
   */
  built?: { sizes: RecordedSizes };
  /** For the history. */
  action: 'install' | 'undo' | 'redo' | 'repair';
  reason: string;
  /** Other folders it depends on, such as its Python and its model. */
  uses: readonly string[];
  /** For injected builds, which leave nothing real to sync. */
  isInjected?: boolean;
  journal: Pick<Journal, 'write'>;
  note: Note;
  signal?: AbortSignal | undefined;
}

/**
 * Performs the switch: writes the records; syncs them with everything the manifest will point to; renames
 * `manifest.json` into place, which is the commit point; then updates the link `.venv` and removes what is no
 * longer needed. Needs write access.
 *
 * Until the commit nothing has changed for anyone, and a rejection means that nothing happened. After it
 * nothing rejects: a failed cleanup becomes a note, and the next run finishes it.
 * @throws CancelledError, or the file system's error.
 */
export async function switchOver(switchover: Switchover): Promise<void> {
  const { layout, environmentDir, manifest, built, journal, note, signal } = switchover;
  const id = basename(environmentDir);
  const { back, replaced } = await leftBehind(layout, id);
  if (built) {
    if (!switchover.isInjected) await writeRecordedSizes(environmentDir, built.sizes);
    const record = jsonText({ ...manifest, previous: back });
    await writeFileAtomic(join(environmentDir, 'environment.json'), record, 0o644, { isDurable: false });
  }
  journal.write({ switchingTo: id });
  const entry = {
    action: switchover.action,
    reason: switchover.reason,
    to: id,
    replaced,
    back,
    features: manifest.features,
    wheel: { version: manifest.asset.version, sha256: manifest.asset.wheel.sha256 },
    lock: manifest.locked?.lock ?? null,
  };
  const historyPath = await appendHistory(layout.versionDir, entry, { isDurable: false });
  const staged = await stageFile(layout.manifestPath, jsonText(manifest));
  try {
    // All at once: each sync of its own waits for the disk again.
    const records = [historyPath, staged.path];
    if (switchover.isInjected) await syncTrees(records, signal);
    else await makeDurable([environmentDir, ...switchover.uses, ...records], { signal, note });
    throwIfCancelled(signal);
  } catch (error) {
    await staged.discard();
    throw error;
  }
  await staged.place();
  await syncDirectory(dirname(layout.manifestPath));
  await tidyAfterSwitch(layout, journal, id, note).catch((error: unknown) => {
    note('warning', `The new runtime is active, but cleanup failed: ${errorMessage(error)}`);
  });
}

/**
 * Resolves when these files, and everything below these folders, are on disk. Can be called early, while other work goes on:
 * data that is already on disk is not written again.
 * @throws CancelledError, or the file system's error when the disk refuses the data.
 */
export async function makeDurable(
  folders: readonly string[],
  { signal, note }: { signal?: AbortSignal | undefined; note?: Note },
): Promise<void> {
  const timer = setTimeout(() => {
    note?.('info', 'Waiting for the disk to write what was installed. Ctrl+C stops waiting.');
  }, QUIET_MS);
  try {
    if (!(await syncFileSystems(folders, signal))) await syncTrees(folders, signal);
  } finally {
    clearTimeout(timer);
  }
}

async function tidyAfterSwitch(
  { versionDir }: Switchover['layout'],
  journal: Switchover['journal'],
  id: string,
  note: Note,
): Promise<void> {
  // On a full disk this write fails, but cleanup must still run.
  try {
    journal.write({ switchedTo: id });
  } catch {}
  const { problems } = await tidyEnvironments(versionDir, isEnvironmentInUse);
  for (const text of problems) note('warning', text);
}

/**
 * What was active, and where undo will go: to the active environment or, if that is damaged, to the best of
 * the others.
 * @param id the environment that becomes active.
 */
async function leftBehind(
  { versionDir, manifestPath }: Switchover['layout'],
  id: string,
): Promise<{ replaced: string | null; back: string | null }> {
  const { active, others, records } = await readEnvironments(versionDir);
  const candidates = [...(active.kind === 'id' ? [active.id] : []), ...others];
  let back: string | null = null;
  for (const candidate of candidates) {
    if (back !== null || candidate === id || !records.has(candidate)) continue;
    if (await isWholeEnvironment(versionDir, candidate)) back = candidate;
  }
  if (active.kind === 'id') return { replaced: active.id, back };
  const manifest = await readInstalledManifest(manifestPath).catch(() => null);
  return { replaced: manifest && basename(environmentOf(manifest)), back };
}
