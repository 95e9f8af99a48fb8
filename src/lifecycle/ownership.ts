import { lstat, readdir, readlink, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { sharedLayout } from '../core/layout.ts';
import { isRecordedPython, usedPythonIds } from '../python/unpacked-python.ts';
import { readLeftRuns } from '../runtime/journal.ts';
import { readInstalledManifest, readNewerManifest } from '../runtime/manifest.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { harmlessLine } from '../support/harmless.ts';

/** What the runtime root says of things that cannot speak for themselves. */
export interface Known {
  /** Being made by a run that is under way or was killed, as journals say: `environment deadbeef`, `python deadbeef`. */
  making: ReadonlySet<string>;
  /** Interpreters that environments were made from, by id. */
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

/** Looks at something whose name could be anybody's. @returns `null` when this program made it, else why that cannot be said. */
export type Evidence = (path: string, name: string, known: Known) => Promise<string | null>;

/**
 * The manifest of a version that only a newer ktx understands: its whole folder stays, since half of it would be neither a runtime nor gone.
 * @returns which version wrote it, as far as it says so; `null` for any other manifest, and without one.
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

/** PEP 405 gives each environment a `pyvenv.cfg`; ours have a record beside it once they are finished. */
export const environmentEvidence: Evidence = async (path, name, { making }) => {
  if (making.has(`environment ${name}`)) return null;
  if (await pathExists(join(path, 'pyvenv.cfg'))) return null;
  const record = await readInstalledManifest(join(path, 'environment.json')).catch(() => null);
  if (record !== null || (await isEmpty(path))) return null;
  return 'has no pyvenv.cfg, so it is not known to be an environment of ktx';
};

/** Only the link that this program makes: to an environment of the same version, there or gone. */
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

/** Whether it went away since its folder was read: another run may tidy up while this one looks. */
export async function isGone(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) === null;
}
