import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ManagedPythonDaemonLayout, managedPythonDaemonLayout } from '../../daemon/layout.ts';
import { assertNotNewer, readDaemonState, removeDaemonState } from '../../daemon/state.ts';
import { endRecordedDaemon } from '../../daemon/stop.ts';
import { recover, tidyRuntime } from '../../lifecycle/recovery.ts';
import { isProcessAlive } from '../../process/list-processes.ts';
import { formatBytes } from '../../support/text/format.ts';
import { backupFolders } from './backup.ts';
import { offlineStep, type Repair, type RepairContext, whileLocked } from './repair.ts';

export const OTHER_REPAIRS: readonly Repair[] = [
  {
    id: 'stop-daemon',
    label: 'Stop the old daemon',
    async plan(context) {
      const daemon = daemonLayoutOf(context);
      return offlineStep(
        'Ends the recorded process if it is a ktx daemon; the next command starts a new one',
        daemon === null ? [] : [daemon.daemonStatePath],
      );
    },
    async apply(context, backup) {
      const daemon = daemonLayoutOf(context);
      if (daemon === null) return;
      const path = daemon.daemonStatePath;
      const read = await readDaemonState(path);
      await assertNotNewer(read, isProcessAlive);
      await backup.keep(path);
      if (read.kind === 'valid') await endRecordedDaemon(daemon, read.state, {});
      if (read.kind === 'invalid') await rm(path, { recursive: true, force: true });
      else await removeDaemonState(path, read);
    },
  },
  {
    id: 'free-space',
    label: 'Free space',
    async plan(context) {
      const { paths, sizeBytes } = await reclaimable(context);
      return offlineStep(
        `Deletes downloads, backups of earlier repairs and unused files: ${formatBytes(sizeBytes)}; a later install downloads again`,
        paths,
        false,
      );
    },
    async apply(context, backup) {
      const { layout, note } = context;
      const { runtimeRoot, cliVersion } = layout;
      await whileLocked(context, async () => {
        await recover({ runtimeRoot, note });
        await tidyRuntime({ runtimeRoot, cliVersion, note });
        for (const path of (await reclaimable(context)).paths)
          if (path !== backup.dir) await rm(path, { recursive: true, force: true });
      });
    },
  },
];

function daemonLayoutOf({ target, layout }: RepairContext): ManagedPythonDaemonLayout | null {
  const { projectDir } = target;
  if (projectDir === undefined) return null;
  const { runtimeRoot, cliVersion } = layout;
  return managedPythonDaemonLayout({ cliVersion, runtimeRoot, projectDir });
}

/** Files that the runtime does not need to keep working. */
async function reclaimable({
  layout,
  shared,
}: RepairContext): Promise<{ paths: string[]; sizeBytes: number }> {
  const stored = (await readdir(shared.storeDir).catch(() => []))
    .filter((name) => /^[0-9a-f]{64}(?:$|\.partial)/.test(name))
    .map((name) => join(shared.storeDir, name));
  const paths = [...stored, ...(await backupFolders(layout.runtimeRoot))];
  let sizeBytes = 0;
  for (const path of paths) sizeBytes += await sizeOf(path);
  return { paths, sizeBytes };
}

/** Deleting one of several hard links frees no space. */
async function sizeOf(path: string): Promise<number> {
  const status = await lstat(path).catch(() => null);
  if (status === null) return 0;
  if (!status.isDirectory()) return status.nlink > 1 ? 0 : status.size;
  let sum = 0;
  for (const name of await readdir(path).catch(() => [])) sum += await sizeOf(join(path, name));
  return sum;
}
