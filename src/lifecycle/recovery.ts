import { lstat, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { managedPythonRuntimeLayout, sharedLayout } from '../core/layout.ts';
import { isVersionName } from '../core/version-name.ts';
import { killTree } from '../process/kill-tree.ts';
import { canSeeProcesses, findPidsByEnvironment, readProcessStart } from '../process/process-table.ts';
import { removeUnneededPythons } from '../python/unpacked-python.ts';
import { tidyEnvironments } from '../runtime/environments.ts';
import { isEnvironmentInUse } from '../runtime/environments-in-use.ts';
import { type LeftRun, RUN_VARIABLE, readLeftRuns } from '../runtime/journal.ts';
import { type Note, withWriteAccess } from '../runtime/write-access.ts';
import { formatCount } from '../support/text/format.ts';

/** A transfer that has not been resumed for this long never will be. */
const PARTIAL_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Cleans up after killed runs: ends surviving processes, removes unfinished files, completes the cleanup
 * after a switch. Needs write access, which also means that no run is active. Reports what it did. Can itself
 * be interrupted and repeated.
 */
export async function recover(options: {
  runtimeRoot: string;
  note: Note;
  /** Also when no run was killed: an earlier removal may have failed. */
  alwaysTidies?: boolean;
}): Promise<void> {
  const shared = sharedLayout(options.runtimeRoot);
  const runs = await readLeftRuns(shared.runsDir);
  let endedCount = 0;
  for (const run of runs) endedCount += await endSurvivors(run);
  const removed: string[] = [];
  if (runs.length > 0 || options.alwaysTidies) {
    for (const versionDir of await versionDirs(options.runtimeRoot)) {
      const tidied = await tidyEnvironments(versionDir, isEnvironmentInUse);
      removed.push(...tidied.removed);
      for (const problem of tidied.problems) options.note('warning', problem);
    }
    removed.push(...(await removeUnneededPythons(options.runtimeRoot)));
  }
  removed.push(...(await removeStaleFiles(options.runtimeRoot)));
  for (const run of runs) {
    await rm(run.runDir, { recursive: true, force: true, maxRetries: 3 });
    options.note('info', recoveryText(run, endedCount, removed));
  }
}

/**
 * Removes environments of a version, and interpreters of any version, that are no longer needed. Needs write
 * access.
 */
export async function tidyRuntime(options: {
  runtimeRoot: string;
  cliVersion: string;
  note: Note;
}): Promise<void> {
  const { versionDir } = managedPythonRuntimeLayout(options);
  const { problems } = await tidyEnvironments(versionDir, isEnvironmentInUse);
  for (const text of problems) options.note('warning', text);
  await removeUnneededPythons(options.runtimeRoot, { alsoFinished: true });
}

/**
 * For a run that writes nothing else: recovers, unless another process has write access and does so itself.
 */
export async function recoverIfFree(options: {
  runtimeRoot: string;
  versions: readonly string[];
  note: Note;
}): Promise<void> {
  const access = { ...options, step: 'recovery', shouldWait: false };
  await withWriteAccess(access, () => recover({ ...options, alwaysTidies: true }));
}

/** Ends the processes of a dead run and their descendants. @returns how many there were. */
async function endSurvivors(run: LeftRun): Promise<number> {
  const mark = `${RUN_VARIABLE}=${run.runId}`;
  const isHere = run.entries.every((entry) => !('host' in entry) || entry.host === hostname());
  if (!isHere) return 0;
  const marked = findPidsByEnvironment(mark).length;
  if (marked > 0) await killTree({ pid: null, mark });
  if (process.platform === 'linux') return marked;
  // Where environments cannot be read, a pid only counts if its start time matches the recorded one exactly.
  let count = 0;
  for (const entry of run.entries) {
    if (!('child' in entry) || entry.start === null) continue;
    if (readProcessStart(entry.child) !== entry.start) continue;
    await killTree(entry.child);
    count++;
  }
  return count;
}

/** One sentence about what was done after a run that was killed. */
export function recoveryText(run: LeftRun, endedCount: number, removed: readonly string[]): string {
  const version = run.entries.flatMap((entry) => ('cliVersion' in entry ? [entry.cliVersion] : []))[0];
  const step = run.entries.flatMap((entry) => ('step' in entry ? [entry.step] : [])).at(-1);
  const when = step === undefined ? '' : ` in its step ${step}`;
  const ended =
    endedCount > 0 ? [`ended ${formatCount(endedCount, 'process', 'processes')} that it had left`] : [];
  const cleared = removed.length > 0 ? [`removed ${removed.map((path) => basename(path)).join(', ')}`] : [];
  const unseen = canSeeProcesses() ? [] : ['could not look for its processes, which are not visible here'];
  const did = [...ended, ...cleared, ...unseen].join(', ') || 'nothing else was left';
  return `An earlier run${version ? ` of ktx ${version}` : ''} was interrupted${when}: ${did}.`;
}

/** Incomplete files that nothing will ever use. Safe to delete, since we have write access. */
async function removeStaleFiles(runtimeRoot: string): Promise<string[]> {
  const shared = sharedLayout(runtimeRoot);
  const removed: string[] = [];
  const remove = async (path: string) => {
    await rm(path, { recursive: true, force: true });
    removed.push(path);
  };
  for (const path of await stalePartials(shared.storeDir)) await remove(path);
  for (const version of (await namesIn(shared.root)).filter(isVersionName)) {
    for (const name of await namesIn(join(shared.root, version))) {
      if (/^uv(?:\.exe)?\.\d+\.download$/.test(name)) await remove(join(shared.root, version, name));
    }
  }
  for (const name of await namesIn(shared.locksDir)) {
    if (/\.holder\.json\.\d+\.tmp$/.test(name)) await remove(join(shared.locksDir, name));
  }
  return removed;
}

/**
 * Partial downloads that nothing will resume: notes without a partial file, temporary files that were never
 * renamed, parts of files that have since arrived, and old parts. Other `<sha256>.partial` and
 * `<sha256>.partial.json` files are kept.
 */
async function stalePartials(storeDir: string): Promise<string[]> {
  const names = await namesIn(storeDir);
  const stale: string[] = [];
  for (const name of names) {
    const [, sha256, rest] = /^([0-9a-f]{64})\.partial(.*)$/.exec(name) ?? [];
    if (sha256 === undefined) continue;
    const path = join(storeDir, name);
    const isOrphan = rest !== '' && !names.includes(`${sha256}.partial`);
    const isComplete = (await namesIn(join(storeDir, sha256))).length > 0;
    const isOld = (await ageMs(path)) > PARTIAL_LIFETIME_MS;
    if (isOrphan || isComplete || isOld || /\.tmp$/.test(name)) stale.push(path);
  }
  return stale;
}

async function ageMs(path: string): Promise<number> {
  // `lstat`: the link itself counts, even a dangling one.
  return Date.now() - (await lstat(path)).mtimeMs;
}

/** Real folders only: the target of a link is not ours. */
async function versionDirs(runtimeRoot: string): Promise<string[]> {
  const entries = await readdir(runtimeRoot, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && isVersionName(entry.name))
    .map((entry) => join(runtimeRoot, entry.name));
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
