import type { Dirent } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, errorMessage, SetupError } from '../support/errors.ts';

export interface ManagedPythonRuntimePruneResult {
  runtimeRoot: string;
  /** Folders of other CLI versions, each as `<runtimeRoot>/<entry>`. */
  stale: string[];
  kept: string[];
  /** What was deleted; empty in a dry run. */
  removed: string[];
}

/** `1.2.3`, `1.2.3-rc.4`, `1.2.3+build`. Anything else under the root, `uv` first of all, is not an install. */
const VERSION_NAME = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*)?$/;

/**
 * Removes the runtimes of other CLI versions. Only real folders with a version's name are touched: never `uv`, files,
 * links or what a link points to. Contract section 13.
 * @throws SetupError naming every folder that could not be removed; the others are gone then.
 */
export async function pruneManagedPythonRuntimes(options: {
  cliVersion: string;
  runtimeRoot: string;
  dryRun?: boolean;
}): Promise<ManagedPythonRuntimePruneResult> {
  const { cliVersion, runtimeRoot } = options;
  const folders = (await entriesOf(runtimeRoot))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const stale = folders
    .filter((name) => name !== cliVersion && VERSION_NAME.test(name))
    .map((name) => join(runtimeRoot, name));
  const kept = folders.filter((name) => name === cliVersion).map((name) => join(runtimeRoot, name));
  const removed = options.dryRun === true ? [] : await removeFolders(stale);
  return { runtimeRoot, stale, kept, removed };
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
  const removed: string[] = [];
  const problems: string[] = [];
  for (const path of paths) {
    try {
      // First the commit point: a deletion that is cut off leaves no runtime, not a broken one.
      await rm(join(path, 'manifest.json'), { force: true });
      await rm(path, { recursive: true });
      removed.push(path);
    } catch (error) {
      problems.push(`Could not remove ${path}: ${errorMessage(error)}`);
    }
  }
  if (problems.length > 0) {
    throw new SetupError(problems.join('\n'), {
      failureClass: 'permission',
      evidence: removed.map((path) => `removed: ${path}`),
      nextSteps: ['Close what uses these folders, then run: ktx admin runtime prune --yes'],
    });
  }
  return removed;
}
