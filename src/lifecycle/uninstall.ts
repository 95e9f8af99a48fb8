import { rm, rmdir, stat } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { managedRuntimeRoot } from '../core/layout.ts';
import { isVersionName } from '../core/version-name.ts';
import { parseDaemonCommand } from '../daemon/command.ts';
import { killIfThere } from '../daemon/stop.ts';
import { isProcessAlive, type ProcessCommand } from '../process/list-processes.ts';
import { processesFrom } from '../runtime/environments-in-use.ts';
import { type Note, withWriteAccess } from '../runtime/write-access.ts';
import { errorCode, errorMessage, isRefusedRemoval, SetupError } from '../support/errors.ts';
import { syncDirectory } from '../support/fs/atomic-file.ts';
import { originalPath, removeAside } from '../support/fs/remove-aside.ts';
import { otherRemedy } from '../support/remedies.ts';
import { type Inventory, type OwnedItem, takeInventory } from './inventory.ts';
import { recover } from './recovery.ts';

export interface UninstallOptions {
  runtimeRoot?: string;
  env?: NodeJS.ProcessEnv;
  homeDir?: string;
  note?: Note;
  signal?: AbortSignal;
}

/** What an uninstall would delete and which processes it would stop. */
export interface UninstallPlan {
  runtimeRoot: string;
  /** Grouped by kind: `runtime 0.3.0`, `downloads`, `Python`, … */
  parts: { what: string; sizeBytes: number; paths: string[] }[];
  sizeBytes: number;
  /** Kept, because ktx did not create it. */
  foreign: Inventory['foreign'];
  /** Folders of other programs with their own wheels. They are kept, along with everything shared. */
  others: string[];
  daemons: ProcessCommand[];
}

export interface UninstallResult {
  runtimeRoot: string;
  removedBytes: number;
  stoppedPids: number[];
  /** What remains after the final check, and why. */
  left: { path: string; sizeBytes: number; reason: string }[];
  leftBytes: number;
}

const STOP_GRACE_MS = 3000;
const STOP_POLL_MS = 50;

/** Reads only. */
export async function planUninstall(options: UninstallOptions): Promise<UninstallPlan> {
  const runtimeRoot = managedRuntimeRoot(options);
  const { owned, foreign, others, folders } = await takeInventory(runtimeRoot);
  const running = await processesOf({ others, folders }, runtimeRoot);
  return {
    runtimeRoot,
    parts: partsOf(owned),
    sizeBytes: owned.reduce((sum, item) => sum + item.sizeBytes, 0),
    foreign,
    others,
    daemons: running.filter(isDaemon),
  };
}

/**
 * Deletes every runtime of this program, everything they share and, last, the locks; only what this program
 * created, see `takeInventory`. Stops daemons that run from there first. If other programs have runtimes in
 * the same root, these and everything shared are kept. Walks the folder again and reports what is left.
 * @throws SetupError when other programs are running from there; nothing is deleted then.
 */
export async function uninstallManagedPythonRuntimes(options: UninstallOptions): Promise<UninstallResult> {
  const runtimeRoot = managedRuntimeRoot(options);
  const note = options.note ?? (() => {});
  const nothing = { runtimeRoot, removedBytes: 0, stoppedPids: [], left: [], leftBytes: 0 };
  if (!(await stat(runtimeRoot).catch(() => null))) return nothing;
  const before = await takeInventory(runtimeRoot);
  if (before.owned.length === 0) return { ...nothing, ...leftOf(before.foreign) };
  const versions = before.folders.map((path) => relative(runtimeRoot, path)).filter(isVersionName);
  return withWriteAccess(
    { runtimeRoot, versions, step: 'uninstall', note, signal: options.signal },
    async () => {
      await recover({ runtimeRoot, note });
      const stoppedPids = await stopEverythingOf(await takeInventory(runtimeRoot), runtimeRoot);
      const inventory = await takeInventory(runtimeRoot);
      const problems = new Map<string, string>();
      const remove = async (items: readonly OwnedItem[]) => {
        for (const { path, markers } of items) {
          try {
            if (markers) await removeAside(path, markers);
            else await rm(path, { recursive: true, force: true, maxRetries: 3 });
          } catch (error) {
            problems.set(path, removalProblem(error));
          }
        }
      };
      const isLock = (item: OwnedItem) => item.what === 'locks';
      // The commit points first: an interrupted uninstall then leaves no runtime instead of a broken one.
      const isCommit = (item: OwnedItem) => /[\\/]manifest\.json$/.test(item.path);
      const commits = inventory.owned.filter(isCommit);
      await remove(commits);
      for (const { path } of commits) await syncDirectory(dirname(path));
      await remove(inventory.owned.filter((item) => !isLock(item) && !isCommit(item)));
      // Deleting a lock file would admit a second holder, so it comes last, when there is nothing left to
      // protect.
      if (problems.size === 0) await remove(inventory.owned.filter(isLock));
      for (const folder of inventory.folders) await removeIfEmpty(folder);
      const after = await takeInventory(runtimeRoot);
      const left = [
        ...after.owned
          .filter((item) => !isLock(item) || (problems.size > 0 && item.path.endsWith('.lock')))
          .map((item) => {
            const reason = isLock(item) ? 'stays as long as anything else of ktx' : 'appeared meanwhile';
            return { ...item, reason: problems.get(originalPath(item.path)) ?? reason };
          }),
        ...after.foreign,
      ];
      const removedBytes = inventory.owned.reduce((sum, item) => sum + item.sizeBytes, 0);
      const result = leftOf(left);
      return { runtimeRoot, removedBytes: removedBytes - result.ownedLeftBytes, stoppedPids, ...result };
    },
  );
}

function removalProblem(error: unknown): string {
  const { path } = error as NodeJS.ErrnoException;
  return isRefusedRemoval(error) ? `operation not permitted: ${path}` : errorMessage(error);
}

function leftOf(entries: readonly { path: string; sizeBytes: number; reason: string; what?: string }[]) {
  const left = entries.map(({ path, sizeBytes, reason }) => ({ path, sizeBytes, reason }));
  const sum = (items: readonly { sizeBytes: number }[]) =>
    items.reduce((bytes, item) => bytes + item.sizeBytes, 0);
  return {
    left,
    leftBytes: sum(entries),
    ownedLeftBytes: sum(entries.filter(({ what }) => what !== undefined)),
  };
}

/** Processes running from the root; beside other programs, only those from our versions. */
async function processesOf(
  { others, folders }: Pick<Inventory, 'others' | 'folders'>,
  runtimeRoot: string,
): Promise<ProcessCommand[]> {
  if (others.length === 0) return processesFrom(runtimeRoot);
  const versions = folders.filter((path) => isVersionName(relative(runtimeRoot, path)));
  return (await Promise.all(versions.map((path) => processesFrom(path)))).flat();
}

async function stopEverythingOf(inventory: Inventory, runtimeRoot: string): Promise<number[]> {
  const running = await processesOf(inventory, runtimeRoot);
  const daemons = running.filter(isDaemon);
  const workers = running.filter(isDaemonWorker);
  const others = running.filter(
    (entry) => entry.pid !== process.pid && !daemons.includes(entry) && !workers.includes(entry),
  );
  if (others.length > 0) {
    throw new SetupError('Programs are still running from this runtime.', {
      failureClass: 'conflict',
      evidence: others.map(({ pid, command }) => `process ${pid}: ${command}`),
      remedies: [
        otherRemedy('Stop them, then run', { afterwards: ['ktx', 'admin', 'runtime', 'uninstall'] }),
      ],
    });
  }
  // Workers exit after their daemon; those still running are stopped.
  for (const { pid } of [...daemons, ...workers]) await stopDaemon(pid);
  return daemons.map(({ pid }) => pid);
}

async function stopDaemon(pid: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await killIfThere(pid, signal);
    const deadline = performance.now() + STOP_GRACE_MS;
    while (performance.now() < deadline) {
      if (!(await isProcessAlive(pid))) return;
      await delay(STOP_POLL_MS);
    }
  }
  throw new SetupError(`The daemon (process ${pid}) does not stop.`, {
    failureClass: 'conflict',
    remedies: [otherRemedy('Stop it, then run', { afterwards: ['ktx', 'admin', 'runtime', 'uninstall'] })],
  });
}

function isDaemon({ command }: ProcessCommand): boolean {
  return parseDaemonCommand(command) !== null;
}

/**
 * A process that our daemon started: `python -P -m ktx_daemon.sql.worker`. It may briefly outlive its daemon.
 */
function isDaemonWorker({ command }: ProcessCommand): boolean {
  return /\s-m ktx_daemon\.[\w.]+(?:\s|$)/.test(command);
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: unknown) => {
    if (
      !['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EPERM', 'EACCES', 'EBUSY', 'ENOTDIR'].includes(
        errorCode(error) ?? '',
      )
    )
      throw error;
  });
}

function partsOf(owned: readonly OwnedItem[]): UninstallPlan['parts'] {
  const parts = new Map<string, UninstallPlan['parts'][number]>();
  for (const { what, path, sizeBytes } of owned) {
    const part = parts.get(what) ?? { what, sizeBytes: 0, paths: [] };
    part.sizeBytes += sizeBytes;
    part.paths.push(path);
    parts.set(what, part);
  }
  return [...parts.values()];
}
