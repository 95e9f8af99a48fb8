import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { daemonCommandName } from '../core/embedder.ts';
import type { ManagedPythonRuntimeLayout } from '../core/layout.ts';
import type { InstalledKtxRuntimeManifest } from './manifest.ts';

/** Where a manifest's environment is, or why what it names is not to be run. */
export interface InstalledEnvironment {
  /** With the paths of the environment when there is no problem; as it was given when there is one. */
  layout: ManagedPythonRuntimeLayout;
  /** One sentence with the path, for `detail` and evidence. */
  problem: string | null;
}

type Programs = Pick<InstalledKtxRuntimeManifest, 'python'>;

/**
 * Finds the environment that a manifest, or the record of an environment, stands for. Its paths are made from the version's folder and the
 * environment's name; what is written in the file only has to agree with them, so nothing outside of the folder is ever
 * run. An interpreter may be a link (to the one it was made from), the folders down to it may not; `.venv` may be one to
 * an environment of this version. Programs that are missing are no problem here. Writes nothing, spawns nothing.
 * @param computed from `managedPythonRuntimeLayout`.
 */
export async function findInstalledEnvironment(
  computed: ManagedPythonRuntimeLayout,
  { python }: Programs,
): Promise<InstalledEnvironment> {
  const venvDir = environmentFolder(computed, python.executable);
  const own = (path: string) => join(venvDir, relative(computed.venvDir, path));
  const pythonPath = own(computed.pythonPath);
  const daemonPath = own(computed.daemonPath);
  const linked = await linkedEnvironments(computed.versionDir);
  const outside = (what: string, path: string): InstalledEnvironment => ({
    layout: computed,
    problem: linked ?? `${what} executable lies outside of ${computed.versionDir}: ${path}`,
  });
  if (!(await isSamePath(python.executable, pythonPath))) return outside('Python', python.executable);
  if (!(await isSamePath(python.daemonExecutable, daemonPath)))
    return outside(daemonCommandName(), python.daemonExecutable);

  const folder = await realPath(dirname(pythonPath));
  if (folder !== null && !(await isOwnFolder(computed.versionDir, dirname(pythonPath), folder)))
    return outside('Python', join(folder, basename(pythonPath)));
  const daemon = await realPath(daemonPath);
  if (folder !== null && daemon !== null && daemon !== join(folder, basename(daemonPath)))
    return outside(daemonCommandName(), daemon);
  return { layout: { ...computed, venvDir, pythonPath, daemonPath }, problem: null };
}

/**
 * Environments are made and removed only in a real folder: what a link leads to is somebody else's, and nothing there is removed.
 * @returns one sentence when there is a link in its place, else `null`.
 */
export async function linkedEnvironments(versionDir: string): Promise<string | null> {
  const path = join(versionDir, 'envs');
  const status = await lstat(path).catch(() => null);
  return status?.isSymbolicLink()
    ? `${path} is a link, and ktx uses environments only in a real folder`
    : null;
}

/** The folder in this version that has the name of the one written down. */
function environmentFolder({ versionDir, venvDir }: ManagedPythonRuntimeLayout, executable: string): string {
  const name = basename(dirname(dirname(resolve(executable))));
  return name === basename(venvDir) ? venvDir : join(versionDir, 'envs', name);
}

/** The same, or the same seen through a link above: a root may be reached by several names. */
async function isSamePath(written: string, own: string): Promise<boolean> {
  if (resolve(written) === resolve(own)) return true;
  if (basename(written) !== basename(own)) return false;
  const [real, ownReal] = await Promise.all([realPath(dirname(written)), realPath(dirname(own))]);
  return real !== null && real === ownReal;
}

/** Whether no link leads out of the version's folder on the way down to the programs. */
async function isOwnFolder(versionDir: string, path: string, real: string): Promise<boolean> {
  const realVersionDir = await realPath(versionDir);
  if (realVersionDir === null) return false;
  const [expected, found] = [relative(versionDir, path), relative(realVersionDir, real)];
  if (found === expected) return true;
  const [folder, bin] = [dirname(expected), basename(expected)];
  return folder === '.venv' && dirname(dirname(found)) === 'envs' && basename(found) === bin;
}

function realPath(path: string): Promise<string | null> {
  return realpath(path).catch(() => null);
}
