import { rm } from 'node:fs/promises';
import { runProcess } from '../../process/run-process.ts';
import type { InstallRun } from './install-run.ts';

/**
 * Deletes the throw-away cache: thousands of files, for which `rm` takes a third of Node's processor time. Never
 * rejects: what is left goes with the run's folder.
 */
export async function removeCache(
  folder: string,
  { journal, env }: Pick<InstallRun, 'journal' | 'env'>,
): Promise<void> {
  if (process.platform !== 'win32') {
    const args = ['-rf', '--', folder];
    const ended = await runProcess({ command: 'rm', args, env, onSpawn: journal.child }).catch(() => null);
    if (ended?.exitCode === 0) return;
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
}
