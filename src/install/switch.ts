import { randomBytes } from 'node:crypto';
import { lstat, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { ManagedPythonRuntimeLayout } from '../runtime/layout.ts';
import type { InstalledKtxRuntimeManifest } from '../runtime/manifest.ts';
import { jsonText, writeFileAtomic } from '../support/atomic-file.ts';
import { errorCode, errorMessage } from '../support/errors.ts';

function environmentsDir(versionDir: string): string {
  return join(versionDir, 'envs');
}

/** The folder of a new environment: never one that was there before. */
export function newEnvironmentDir(versionDir: string): string {
  return join(environmentsDir(versionDir), randomBytes(4).toString('hex'));
}

/** The environment that a manifest stands for: its interpreter's folder's folder. */
export function environmentOf(manifest: InstalledKtxRuntimeManifest): string {
  return dirname(dirname(manifest.python.executable));
}

/**
 * Makes a proven environment the active one. The rename of `manifest.json` is the commit point: before it the old
 * runtime answers, after it the new one.
 */
export async function commitEnvironment(
  layout: ManagedPythonRuntimeLayout,
  environmentDir: string,
  manifest: InstalledKtxRuntimeManifest,
): Promise<void> {
  await writeFileAtomic(join(environmentDir, 'environment.json'), jsonText(manifest));
  await writeFileAtomic(layout.manifestPath, jsonText(manifest));
}

/**
 * What follows the commit: the link for people, and removal of what nobody needs. The runtime works without it and the
 * next install repeats it, so problems are returned, one sentence each, and not thrown.
 */
export async function tidyAfterSwitch(
  layout: ManagedPythonRuntimeLayout,
  environmentDir: string,
  kept: readonly string[],
): Promise<string[]> {
  const problems: string[] = [];
  const linkPath = join(layout.versionDir, '.venv');
  await pointLinkAt(linkPath, environmentDir).catch((error: unknown) => {
    problems.push(`${linkPath} does not point to the new environment: ${errorMessage(error)}`);
  });
  for (const path of await removeOtherEnvironments(layout.versionDir, kept)) {
    problems.push(`${path} is no longer needed and could not be removed`);
  }
  return problems;
}

/** `.venv` for people and for the contract's paths. A real folder of an older installation is replaced only now. */
async function pointLinkAt(linkPath: string, environmentDir: string): Promise<void> {
  const present = await lstat(linkPath).catch(() => null);
  if (present && !present.isSymbolicLink()) await removeAside(linkPath);
  const isWindows = process.platform === 'win32';
  const temporary = `${linkPath}.${randomBytes(4).toString('hex')}`;
  const target = isWindows ? environmentDir : relative(dirname(linkPath), environmentDir);
  await symlink(target, temporary, isWindows ? 'junction' : 'dir');
  // Windows does not rename over an existing junction.
  if (isWindows) await rm(linkPath, { force: true, recursive: true });
  await rename(temporary, linkPath);
}

/** Removes every environment but the named ones; keeps going where one cannot be removed (a file in use). */
async function removeOtherEnvironments(versionDir: string, kept: readonly string[]): Promise<string[]> {
  const names = await readdir(environmentsDir(versionDir)).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const keptNames = new Set(kept.map((path) => basename(path)));
  const left: string[] = [];
  for (const name of names) {
    if (keptNames.has(name)) continue;
    const path = join(environmentsDir(versionDir), name);
    await removeAside(path).catch(() => left.push(path));
  }
  return left;
}

/** Renamed first, so that a removal that is interrupted leaves no folder that looks whole. */
async function removeAside(path: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString('hex')}.removed`;
  await rename(path, aside);
  await rm(aside, { recursive: true, force: true, maxRetries: 3 });
}
