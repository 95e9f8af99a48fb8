import { execFileSync } from 'node:child_process';
import { chmod, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepairId } from '../../src/doctor/checks/check.ts';

/** A runtime that is about to be damaged. */
export interface ZooPaths {
  root: string;
  version: string;
  versionDir: string;
  env: string;
  sitePackages: string;
  manifest: string;
  uv: string;
  model: string;
  daemonState: string;
}

export interface ZooState {
  name: string;
  /** @returns, or promises, what puts the rest of the world right again: a process, a server. */
  damage(paths: ZooPaths): unknown;
  /** Checks that find something, and no others. */
  finds: readonly string[];
  /** What the first of them offers first; `null`: nothing that a program can mend. */
  repair: RepairId | null;
  /** The run asks no host. */
  isOffline?: false;
  needs?: 'embeddings' | 'deep' | 'root';
  /** What stays after the repair, because it is no fault of the runtime. */
  remains?: readonly string[];
  /** What a second fault needs for its repair has to be fetched. */
  emptiesStore?: true;
  /** Everything runs as this user, to whom the runtime belongs. */
  uid?: number;
  /** What it deletes cannot be brought back. */
  isFinal?: true;
  env?: NodeJS.ProcessEnv;
  /** Of every process that looks or repairs. */
  umask?: number;
  /** Words before the command of each of them: a limit of the shell. */
  under?: readonly string[];
}

export const OTHER_UID = 12_345;
export const fifo = (path: string) => void execFileSync('mkfifo', [path]);
export const replaced = async (path: string, make: (path: string) => unknown) => {
  await rm(path, { recursive: true, force: true });
  await make(path);
};
export const loop = (path: string) => symlink(path, path);
export const empty = (path: string) => writeFile(path, '');
export const script = (text: string) => async (path: string) => {
  await writeFile(path, text);
  await chmod(path, 0o755);
};
export const python = (paths: ZooPaths) => join(paths.env, 'bin', 'python');
export const daemon = (paths: ZooPaths) => join(paths.env, 'bin', 'ktx-daemon');
export const config = (paths: ZooPaths) => join(paths.env, 'pyvenv.cfg');
export const moduleOf = (paths: ZooPaths) => join(paths.sitePackages, 'ktx_daemon', '__init__.py');

export async function filesBelow(folder: string, ending: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

export async function distInfo(paths: ZooPaths, name: string): Promise<string> {
  const names = await readdir(paths.sitePackages);
  return join(
    paths.sitePackages,
    names.find((entry) => entry.startsWith(`${name}-`) && entry.endsWith('.dist-info'))!,
  );
}

export async function changeManifest(paths: ZooPaths, change: (manifest: Record<string, unknown>) => void) {
  const manifest = JSON.parse(await readFile(paths.manifest, 'utf8'));
  change(manifest);
  await writeFile(paths.manifest, JSON.stringify(manifest));
}
