import type { Dirent } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isOwnVersionName } from '../core/embedder.ts';
import { managedPythonRuntimeLayout, sharedLayout } from '../core/layout.ts';
import { isVersionName } from '../core/version-name.ts';
import type { Note } from '../runtime/write-access.ts';
import { errorCode, errorMessage, isAbsence, SetupError } from '../support/errors.ts';
import { syncDirectory } from '../support/fs/atomic-file.ts';
import { otherRemedy } from '../support/remedies.ts';

export interface ManagedPythonRuntimePruneResult {
  runtimeRoot: string;
  /** Folders of other CLI versions, each as `<runtimeRoot>/<entry>`. */
  stale: string[];
  kept: string[];
  /** What was deleted; empty in a dry run. */
  removed: string[];
  /** With `store`: how many downloaded files there are, which a dry run leaves. */
  downloads?: number;
}

/**
 * Removes the runtimes of other CLI versions of this program, but for those whose daemons or interpreters run, and what is no longer needed of the
 * others. Only real folders with a version's name are touched: never `uv`, files, links or what a link points to. Waits for
 * whoever else changes the runtime.
 * @param options.store deletes the downloaded files too; a later install fetches them again.
 * @throws SetupError naming every folder that could not be removed; the others are gone then.
 */
export async function pruneManagedPythonRuntimes(options: {
  cliVersion: string;
  runtimeRoot: string;
  dryRun?: boolean;
  store?: boolean;
  note?: Note;
  signal?: AbortSignal;
}): Promise<ManagedPythonRuntimePruneResult> {
  const { runtimeRoot, note = () => {} } = options;
  const preview = await findStale(options);
  // Without the shared folder nothing was installed by a program that locks.
  const hasShared = (await entriesOf(runtimeRoot)).some(
    (entry) => entry.name === 'uv' && entry.isDirectory(),
  );
  const { storeDir } = sharedLayout(runtimeRoot);
  const downloads = options.store === true ? { downloads: (await downloadsIn(storeDir)).length } : {};
  if (options.dryRun === true) return { ...preview, removed: [], ...downloads };
  if (!hasShared) return { ...preview, removed: await removeFolders(preview.stale) };
  const versions = [options.cliVersion, ...preview.stale.map((path) => basename(path))];
  const [{ withWriteAccess }, { recover, tidyRuntime }] = await Promise.all([
    import('../runtime/write-access.ts'),
    import('./recovery.ts'),
  ]);
  const access = { runtimeRoot, versions, step: 'prune', note, signal: options.signal };
  return withWriteAccess(access, async () => {
    await recover({ runtimeRoot, note });
    // Looked at again: whoever we waited for may have installed, or started something.
    const found = await findStale(options);
    const locked = new Set(preview.stale);
    const stale = found.stale.filter((path) => locked.has(path));
    const removed = await removeFolders(stale);
    await tidyRuntime({ runtimeRoot, cliVersion: options.cliVersion, note });
    if (options.store === true) {
      for (const path of await downloadsIn(storeDir)) await rm(path, { recursive: true, force: true });
    }
    return { ...found, stale, removed, ...downloads };
  });
}

async function findStale({
  cliVersion,
  runtimeRoot,
}: {
  cliVersion: string;
  runtimeRoot: string;
}): Promise<Omit<ManagedPythonRuntimePruneResult, 'removed'>> {
  const folders = (await entriesOf(runtimeRoot))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const { isEnvironmentInUse } = await import('../runtime/environments-in-use.ts');
  const own = basename(managedPythonRuntimeLayout({ cliVersion, runtimeRoot }).versionDir);
  const stale: string[] = [];
  const kept: string[] = [];
  for (const name of folders) {
    const path = join(runtimeRoot, name);
    // Of another program with a wheel of its own: not ours to judge.
    if (isVersionName(name) && !isOwnVersionName(name)) continue;
    if (name === own) kept.push(path);
    else if (isVersionName(name)) ((await isEnvironmentInUse(path)) ? kept : stale).push(path);
  }
  return { runtimeRoot, stale, kept };
}

/** Only what has a digest for its name. */
async function downloadsIn(storeDir: string): Promise<string[]> {
  return (await entriesOf(storeDir))
    .filter(({ name }) => /^[0-9a-f]{64}(?:$|\.partial)/.test(name))
    .map(({ name }) => join(storeDir, name));
}

async function entriesOf(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function removeFolders(paths: readonly string[]): Promise<string[]> {
  const { removeEnvironments } = await import('../runtime/environments.ts');
  const removed: string[] = [];
  const problems: string[] = [];
  for (const path of paths) {
    try {
      // First the commit point: a deletion that is cut off leaves no runtime, not a broken one.
      await rm(join(path, 'manifest.json'), { force: true });
      await syncDirectory(path);
      await removeEnvironments(path);
      await rm(path, { recursive: true });
      removed.push(path);
    } catch (error) {
      // An uninstall was faster.
      if (isAbsence(error)) continue;
      problems.push(`Could not remove ${path}: ${errorMessage(error)}`);
    }
  }
  if (problems.length > 0) {
    throw new SetupError(problems.join('\n'), {
      failureClass: 'permission',
      evidence: removed.map((path) => `removed: ${path}`),
      remedies: [
        otherRemedy('Close what uses these folders, then run', {
          afterwards: ['ktx', 'admin', 'runtime', 'prune', '--yes'],
        }),
      ],
    });
  }
  return removed;
}
