import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { sharedLayout } from '../core/layout.ts';
import { isProcessAlive } from '../process/list-processes.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { parseSchema } from '../support/schema.ts';
import { managedPythonDaemonLayout } from './layout.ts';
import { readDaemonState } from './state.ts';

/** A project that has started a daemon from a runtime root. */
export interface KnownProject {
  projectDir: string;
  /** `gone`: the folder no longer exists. */
  folder: 'there' | 'gone';
  /** Its daemon, if running. */
  daemon: { pid: number; version: string } | null;
}

/** The only part read of a project's secret file; the secret is not. */
const projectSchema = z.object({ projectDir: z.string().check(z.minLength(1)) });
const MAX_BYTES = 64 * 1024;

/**
 * The projects that use a runtime root, sorted by path. Reads only. Unreadable files, such as another user's,
 * are skipped.
 */
export async function readKnownProjects(runtimeRoot: string, cliVersion: string): Promise<KnownProject[]> {
  const { daemonsDir } = sharedLayout(runtimeRoot);
  const names = await readdir(daemonsDir).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => /^[0-9a-f]{64}$/.test(name))
      .map(async (name) => {
        try {
          const text = await readRegularText(join(daemonsDir, name), { maxBytes: MAX_BYTES });
          const { projectDir } = parseSchema(projectSchema, JSON.parse(text));
          return await look(projectDir, { runtimeRoot, cliVersion });
        } catch {
          return null;
        }
      }),
  );
  return found
    .filter((project) => project !== null)
    .sort((a, b) => a.projectDir.localeCompare(b.projectDir, 'en'));
}

async function look(
  projectDir: string,
  root: { runtimeRoot: string; cliVersion: string },
): Promise<KnownProject> {
  if (!(await pathExists(projectDir))) return { projectDir, folder: 'gone', daemon: null };
  const read = await readDaemonState(managedPythonDaemonLayout({ ...root, projectDir }).daemonStatePath);
  const isRunning = read.kind === 'valid' && (await isProcessAlive(read.state.pid));
  const daemon = isRunning ? { pid: read.state.pid, version: read.state.version } : null;
  return { projectDir, folder: 'there', daemon };
}
