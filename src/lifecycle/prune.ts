import type { Dirent } from 'node:fs';
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isOwnVersionName } from '../core/embedder.ts';
import { managedPythonRuntimeLayout, sharedLayout } from '../core/layout.ts';
import { isVersionName } from '../core/version-name.ts';
import { readInstalledManifest } from '../runtime/manifest.ts';
import type { Note } from '../runtime/write-access.ts';
import { errorCode, errorMessage, isAbsence, SetupError } from '../support/errors.ts';
import { syncDirectory } from '../support/fs/atomic-file.ts';
import { otherRemedy } from '../support/remedies.ts';
import type { SharedPart, UnneededItem } from './unneeded.ts';

export interface ManagedPythonRuntimePruneResult {
  runtimeRoot: string;
  /** Folders of other CLI versions, each as `<runtimeRoot>/<entry>`. */
  stale: string[];
  kept: string[];
  /** What was deleted; empty in a dry run. */
  removed: string[];
  /** With `store`: the number of downloaded files. A dry run keeps them. */
  downloads?: number;
  /**
   * Files that only removed versions used; in a dry run, what would be removed. Absent when there are none.
   */
  unneeded?: UnneededItem[];
}

/** The parts a prune covers. Default: all. */
export type PrunePart = 'versions' | SharedPart;

export interface PruneOptions {
  cliVersion: string;
  runtimeRoot: string;
  assetDir?: string;
  dryRun?: boolean;
  /** Also deletes downloaded files; a later install fetches them again. */
  store?: boolean;
  parts?: readonly PrunePart[];
  /** Keeps this many of the newest other versions. */
  keep?: number;
  /** Keeps other versions installed more recently than this. */
  olderThanMs?: number;
  note?: Note;
  signal?: AbortSignal;
}

/**
 * Removes runtimes of other CLI versions of this program, except those with running daemons or interpreters,
 * and whatever is no longer needed: old versions of uv and the model, and downloads that this version's lock
 * does not name, unless a version or program remains that may use them. Touches only real folders named like
 * a version, and files in `uv` that ktx is known to have created: never other files, links, or their targets.
 * Waits for concurrent changes to finish.
 * @throws SetupError naming every folder that could not be removed, after removing the others.
 */
export async function pruneManagedPythonRuntimes(
  options: PruneOptions,
): Promise<ManagedPythonRuntimePruneResult> {
  const { runtimeRoot, note = () => {} } = options;
  const { others, ...preview } = await findStale(options);
  // Without the shared folder, nothing was installed by a version that takes locks.
  const hasShared = (await entriesOf(runtimeRoot)).some(
    (entry) => entry.name === 'uv' && entry.isDirectory(),
  );
  const { storeDir } = sharedLayout(runtimeRoot);
  const downloads = options.store === true ? { downloads: (await downloadsIn(storeDir)).length } : {};
  if (options.dryRun === true)
    return {
      ...preview,
      removed: [],
      ...downloads,
      ...(hasShared ? await unneededFor(options, { ...preview, others }) : {}),
    };
  if (!hasShared) return { ...preview, removed: await removeFolders(preview.stale) };
  const versions = [ownFolder(options), ...preview.stale.map((path) => basename(path))];
  const [{ withWriteAccess }, { recover, tidyRuntime }] = await Promise.all([
    import('../runtime/write-access.ts'),
    import('./recovery.ts'),
  ]);
  const access = { runtimeRoot, versions, step: 'prune', note, signal: options.signal };
  return withWriteAccess(access, async () => {
    await recover({ runtimeRoot, note });
    // Checked again: the process we waited for may have installed or started something.
    const { others, ...found } = await findStale(options);
    const locked = new Set(preview.stale);
    const stale = found.stale.filter((path) => locked.has(path));
    const removed = await removeFolders(stale);
    await tidyRuntime({ runtimeRoot, cliVersion: options.cliVersion, note });
    if (options.store === true) {
      for (const path of await downloadsIn(storeDir)) await rm(path, { recursive: true, force: true });
    }
    const unneeded = await unneededFor(options, { ...found, others });
    for (const { part, path } of unneeded.unneeded ?? []) {
      await rm(path, { recursive: true, force: true });
      if (part === 'uv') await rmdir(dirname(path)).catch(() => {});
    }
    return { ...found, stale, removed, ...downloads, ...unneeded };
  });
}

function ownFolder({ cliVersion, runtimeRoot }: { cliVersion: string; runtimeRoot: string }): string {
  return basename(managedPythonRuntimeLayout({ cliVersion, runtimeRoot }).versionDir);
}

/**
 * Nothing while any version remains that may use it: its manifest does not record which uv and downloads it
 * was made from.
 */
async function unneededFor(
  options: PruneOptions,
  { kept, others }: StaleVersions & { others: number },
): Promise<Pick<ManagedPythonRuntimePruneResult, 'unneeded'>> {
  const { findUnneeded, SHARED_PARTS } = await import('./unneeded.ts');
  const parts = SHARED_PARTS.filter((part) => isWanted(options, part));
  if (parts.length === 0 || others > 0 || kept.length > 1) return {};
  const unneeded = await findUnneeded(options, parts);
  return unneeded.length === 0 ? {} : { unneeded };
}

function isWanted({ parts }: PruneOptions, part: PrunePart): boolean {
  return parts === undefined || parts.includes(part);
}

interface StaleVersions {
  runtimeRoot: string;
  stale: string[];
  kept: string[];
}

async function findStale(options: PruneOptions): Promise<StaleVersions & { others: number }> {
  const { cliVersion, runtimeRoot } = options;
  const newestFirst = (await entriesOf(runtimeRoot))
    .filter((entry) => entry.isDirectory() && isVersionName(entry.name))
    .map((entry) => entry.name)
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  const [{ isEnvironmentInUse }, { newerManifest }] = await Promise.all([
    import('../runtime/environments-in-use.ts'),
    import('./ownership.ts'),
  ]);
  const own = ownFolder({ cliVersion, runtimeRoot });
  const stale: string[] = [];
  const kept: string[] = [];
  let spared = options.keep ?? 0;
  for (const name of newestFirst) {
    const path = join(runtimeRoot, name);
    // Another program's, with its own wheel: not ours to remove.
    if (!isOwnVersionName(name)) continue;
    const stays =
      name === own ||
      !isWanted(options, 'versions') ||
      spared-- > 0 ||
      (await isYounger(path, options.olderThanMs)) ||
      (await newerManifest(path)) !== null ||
      (await isEnvironmentInUse(path));
    (stays ? kept : stale).unshift(path);
  }
  return { runtimeRoot, stale, kept, others: newestFirst.filter((name) => !isOwnVersionName(name)).length };
}

/** By the manifest's date or, without a manifest, the folder's modification time. */
async function isYounger(versionDir: string, olderThanMs: number | undefined): Promise<boolean> {
  if (olderThanMs === undefined) return false;
  const manifest = await readInstalledManifest(join(versionDir, 'manifest.json')).catch(() => null);
  const installedMs = manifest ? Date.parse(manifest.installedAt) : (await stat(versionDir)).mtimeMs;
  return Date.now() - installedMs < olderThanMs;
}

/** Only entries named by a digest. */
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
      // The commit point first: an interrupted deletion then leaves no runtime instead of a broken one.
      await rm(join(path, 'manifest.json'), { force: true });
      await syncDirectory(path);
      await removeEnvironments(path);
      await rm(path, { recursive: true });
      removed.push(path);
    } catch (error) {
      // Removed by an uninstall meanwhile.
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
