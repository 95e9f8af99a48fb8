import { lstat, readdir, readlink, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { sharedLayout } from '../core/layout.ts';
import { isRecordedPython, usedPythonIds } from '../python/unpacked-python.ts';
import { readLeftRuns } from '../runtime/journal.ts';
import { readInstalledManifest, readNewerManifest } from '../runtime/manifest.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { harmlessLine } from '../support/harmless.ts';

/** What the runtime root records about entries that carry no proof themselves. */
export interface Known {
  /**
   * Being created by an active or killed run, according to journals: `environment deadbeef`, `python
   * deadbeef`.
   */
  making: ReadonlySet<string>;
  /** Ids of interpreters that environments were created from. */
  usedPythons: ReadonlySet<string>;
}

/** Reads journals and environments; writes nothing. */
export async function readKnown(runtimeRoot: string): Promise<Known> {
  const runs = await readLeftRuns(sharedLayout(runtimeRoot).runsDir);
  const entries = runs.flatMap((run) => run.entries);
  return {
    making: new Set(entries.flatMap((entry) => ('making' in entry ? [`${entry.making} ${entry.name}`] : []))),
    usedPythons: await usedPythonIds(runtimeRoot),
  };
}

/**
 * Checks an entry whose name anyone could use. @returns `null` when this program created it, else why that is
 * not certain.
 */
export type Evidence = (path: string, name: string, known: Known) => Promise<string | null>;

/**
 * Detects a version's manifest in a newer format. The whole folder is kept, since a partly removed runtime
 * would be neither usable nor gone.
 * @returns the version that wrote it, if recorded; `null` for any other manifest, and without one.
 */
export async function newerManifest(versionDir: string): Promise<string | null> {
  const newer = await readNewerManifest(join(versionDir, 'manifest.json'));
  if (newer === null) return null;
  return newer.writtenBy === null ? 'a newer ktx' : `ktx ${harmlessLine(newer.writtenBy)}`;
}

export const manifestEvidence: Evidence = (path) =>
  readInstalledManifest(path).then(
    () => null,
    () => 'is not a manifest of ktx',
  );

/** PEP 405 gives every environment a `pyvenv.cfg`; ours get a record beside it once finished. */
export const environmentEvidence: Evidence = async (path, name, { making }) => {
  if (making.has(`environment ${name}`)) return null;
  if (await pathExists(join(path, 'pyvenv.cfg'))) return null;
  const record = await readInstalledManifest(join(path, 'environment.json')).catch(() => null);
  if (record !== null || (await isEmpty(path))) return null;
  return 'has no pyvenv.cfg, so it is not known to be an environment of ktx';
};

/**
 * Accepts only the link that this program creates: to an environment of the same version, existing or not.
 */
export const environmentLinkEvidence: Evidence = async (path) => {
  const folder = dirname(path);
  const target = resolve(folder, await readlink(path));
  const places = [join(resolve(folder), 'envs'), await realPath(join(folder, 'envs'))];
  const isOurs = places.includes(dirname(target)) || places.includes(await realPath(dirname(target)));
  return isOurs ? null : `is a link to ${target}`;
};

export const pythonEvidence: Evidence = async (path, name, { making, usedPythons }) => {
  if (making.has(`python ${name}`) || usedPythons.has(name)) return null;
  if ((await isRecordedPython(path)) || (await isEmpty(path))) return null;
  return 'has no list of its files, so it is not known to be a Python of ktx';
};

async function isEmpty(folder: string): Promise<boolean> {
  return (await readdir(folder)).length === 0;
}

function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

/** Whether an entry vanished after its folder was read: another run may be cleaning up. */
export async function isGone(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) === null;
}
