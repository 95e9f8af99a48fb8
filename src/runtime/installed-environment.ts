import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { daemonCommandName } from '../core/embedder.ts';
import type { ManagedPythonRuntimeLayout } from '../core/layout.ts';
import type { InstalledKtxRuntimeManifest } from './manifest.ts';

/** Where a manifest's environment is, or why its programs must not be run. */
export interface InstalledEnvironment {
  /** With the environment's paths when there is no problem; unchanged otherwise. */
  layout: ManagedPythonRuntimeLayout;
  /** One sentence with the path, for `detail` and evidence. */
  problem: string | null;
}

type Programs = Pick<InstalledKtxRuntimeManifest, 'python'>;

/**
 * Finds the environment that a manifest or an environment's record points to. Paths are built from the
 * version's folder and the environment's name; the paths in the file only have to agree, so nothing outside
 * the folder is ever run. The interpreter may be a link to the one it was created from, but the folders above
 * it may not; `.venv` may link to an environment of this version. Missing programs are not reported here.
 * Writes nothing, spawns nothing.
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
 * Environments are created and removed only in a real folder: the target of a link is not ours, and nothing
 * there is removed.
 * @returns one sentence when `envs` is a link, else `null`.
 */
export async function linkedEnvironments(versionDir: string): Promise<string | null> {
  const path = join(versionDir, 'envs');
  const status = await lstat(path).catch(() => null);
  return status?.isSymbolicLink()
    ? `${path} is a link, and ktx uses environments only in a real folder`
    : null;
}

/** The folder in this version with the name found in the recorded path. */
function environmentFolder({ versionDir, venvDir }: ManagedPythonRuntimeLayout, executable: string): string {
  const name = basename(dirname(dirname(resolve(executable))));
  return name === basename(venvDir) ? venvDir : join(versionDir, 'envs', name);
}

/** The same path, or the same file through a link further up: a root may have several names. */
async function isSamePath(written: string, own: string): Promise<boolean> {
  if (resolve(written) === resolve(own)) return true;
  if (basename(written) !== basename(own)) return false;
  const [real, ownReal] = await Promise.all([realPath(dirname(written)), realPath(dirname(own))]);
  return real !== null && real === ownReal;
}

/** Whether no link on the way to the programs leaves the version's folder. */
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
