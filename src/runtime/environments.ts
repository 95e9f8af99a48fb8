import { randomBytes } from 'node:crypto';
import { lstat, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import * as z from 'zod/mini';
import { environmentPaths } from '../core/layout.ts';
import { errorMessage, isAbsence } from '../support/errors.ts';
import { kindOf } from '../support/fs/file-kind.ts';
import { pathExists } from '../support/fs/path-exists.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { type FolderMarkers, removeAside } from '../support/fs/remove-aside.ts';
import { parseSchema } from '../support/schema.ts';
import { type HistoryEntry, readHistory, waysBack } from './history.ts';
import { ENVIRONMENT_ID } from './left-runs.ts';
import {
  type InstalledKtxRuntimeManifest,
  MAX_MANIFEST_BYTES,
  readInstalledManifest,
  readNewerManifest,
} from './manifest.ts';
import { installedManifestSchema } from './manifest-schema.ts';
import { findDamage } from './recorded-sizes.ts';

export { ENVIRONMENT_ID };

/**
 * What interrupted operations leave in a version's folder or in `envs`: partial removals, and temporary
 * `.venv` links and manifests.
 */
export const LEFTOVERS = {
  folder: /^(?:[0-9a-f]{8}|\.venv)\.[0-9a-f]{8}\.removed$/,
  link: /^\.venv\.[0-9a-f]{8}$/,
  file: /^(?:manifest\.json|history\.jsonl)\.\d+\.[0-9a-f]{8}\.tmp$/,
} as const;

/** PEP 405 gives every environment a `pyvenv.cfg`; the record beside it marks one that was finished. */
export const ENVIRONMENT_MARKERS: FolderMarkers = { whole: 'environment.json', ours: ['pyvenv.cfg'] };

export function environmentsDir(versionDir: string): string {
  return join(versionDir, 'envs');
}

/** A folder for a new environment. Names are random and never reused. */
export function newEnvironmentDir(versionDir: string): string {
  return join(environmentsDir(versionDir), randomBytes(4).toString('hex'));
}

/** The environment that a manifest points to: two levels above its interpreter. */
export function environmentOf(manifest: InstalledKtxRuntimeManifest): string {
  return dirname(dirname(manifest.python.executable));
}

/**
 * `envs/<id>/environment.json`, written after an environment has passed its proof and just before it becomes
 * active: its own manifest, and the environment it replaced. Read by undo and by everything that removes
 * environments.
 */
const environmentRecordSchema = z.extend(installedManifestSchema, {
  previous: z.nullable(z.string().check(z.regex(ENVIRONMENT_ID))),
});
export type EnvironmentRecord = z.infer<typeof environmentRecordSchema>;

/** The environments of a version, by id, and how they relate. */
export interface EnvironmentsOverview {
  /**
   * `unreadable`: the manifest names an environment that is not here. `none`: there is no manifest, or it
   * names an adopted `.venv`.
   */
  active: { kind: 'id'; id: string } | { kind: 'none' } | { kind: 'unreadable' };
  /** Finished environments, by id. */
  records: ReadonlyMap<string, EnvironmentRecord>;
  /** Target of undo: the environment before the active one or, after an undo, the one that was undone. */
  other: string | null;
  /**
   * Finished environments except the active one, by id, in the order undo would try them; `other` comes
   * first.
   */
  others: readonly string[];
  /** Environments, finished or not, that can be removed. */
  unneeded: readonly string[];
}

/** Reads a version's folder; writes nothing. */
export async function readEnvironments(versionDir: string): Promise<EnvironmentsOverview> {
  const ids = (await namesIn(environmentsDir(versionDir))).filter((name) => ENVIRONMENT_ID.test(name));
  const records = new Map<string, EnvironmentRecord>();
  for (const id of ids) {
    const record = await readEnvironmentRecord(versionDir, id);
    if (record) records.set(id, record);
  }
  const active = await readActive(versionDir, ids);
  const activeId = active.kind === 'id' ? active.id : null;
  const others = await intactFirst(versionDir, rankOthers(activeId, records, await readHistory(versionDir)));
  const other = others[0] ?? null;
  const ofNewer = await environmentsOfNewer(versionDir, ids);
  const unneeded = ids.filter((id) => {
    if (ofNewer.has(id)) return false;
    if (activeId !== null) return id !== activeId && id !== other;
    // With no active environment, any finished one may still be working.
    return !records.has(id);
  });
  return { active, records, other, others, unneeded };
}

/**
 * Environments that only a newer ktx can judge: those it finished, or all of them when it also wrote the
 * manifest.
 */
async function environmentsOfNewer(versionDir: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if ((await readNewerManifest(join(versionDir, 'manifest.json'))) !== null) return new Set(ids);
  const found = new Set<string>();
  for (const id of ids)
    if ((await readNewerManifest(join(environmentsDir(versionDir), id, 'environment.json'))) !== null)
      found.add(id);
  return found;
}

/**
 * Pure. Order: the history; then, for installs by a ktx that kept none, the links between records; then the
 * rest, newest first.
 */
function rankOthers(
  active: string | null,
  records: ReadonlyMap<string, EnvironmentRecord>,
  history: readonly HistoryEntry[],
): string[] {
  const newestFirst = [...records].sort(
    ([idA, a], [idB, b]) =>
      b.installedAt.localeCompare(a.installedAt) || Number(b.previous === idA) - Number(a.previous === idB),
  );
  const isRecorded = history.some(({ to }) => to === active);
  const following = newestFirst.filter(([, { previous }]) => previous !== null && previous === active);
  const previous = (active === null ? null : records.get(active)?.previous) ?? null;
  const told = isRecorded ? [] : [...following.map(([id]) => id), previous];
  const ids = [...waysBack(history, active), ...told, ...newestFirst.map(([id]) => id)];
  return [...new Set(ids)].filter((id) => id !== null && id !== active && records.has(id)) as string[];
}

/** Truncated or empty environments go last: undo must not pick one while an intact one exists. */
async function intactFirst(versionDir: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length < 2) return [...ids];
  const looks = await Promise.all(
    ids.map(async (id) => ({ id, isWhole: await isWholeEnvironment(versionDir, id) })),
  );
  return [...looks.filter(({ isWhole }) => isWhole), ...looks.filter(({ isWhole }) => !isWhole)].map(
    ({ id }) => id,
  );
}

/** Whether the interpreter exists and the recorded file sizes still match. Runs nothing. */
export async function isWholeEnvironment(versionDir: string, id: string): Promise<boolean> {
  const environmentDir = join(environmentsDir(versionDir), id);
  if (!(await pathExists(environmentPaths(environmentDir).pythonPath))) return false;
  return (await findDamage(dirname(versionDir), environmentDir)) === null;
}

async function readActive(
  versionDir: string,
  ids: readonly string[],
): Promise<EnvironmentsOverview['active']> {
  try {
    const manifest = await readInstalledManifest(join(versionDir, 'manifest.json'));
    if (!manifest) return { kind: 'none' };
    const path = environmentOf(manifest);
    const id = basename(path);
    if (id === '.venv') return { kind: 'none' };
    // Compare names, not full paths: the same folder may be reached through a link.
    const isOurs = basename(dirname(path)) === 'envs' && ids.includes(id);
    return isOurs ? { kind: 'id', id } : { kind: 'unreadable' };
  } catch {
    return { kind: 'unreadable' };
  }
}

/** An environment's own record; `null` when it was never finished or the record points somewhere else. */
async function readEnvironmentRecord(versionDir: string, id: string): Promise<EnvironmentRecord | null> {
  try {
    const text = await readRegularText(join(environmentsDir(versionDir), id, 'environment.json'), {
      maxBytes: MAX_MANIFEST_BYTES,
    });
    const record = parseSchema(environmentRecordSchema, JSON.parse(text));
    return basename(environmentOf(record)) === id ? record : null;
  } catch {
    return null;
  }
}

/**
 * One sentence about the environment that undo would restore, shown when the active one is broken; `null`
 * when no intact one exists.
 */
export async function describeEarlier(versionDir: string): Promise<string | null> {
  const { other, records } = await readEnvironments(versionDir);
  const record = other === null ? undefined : records.get(other);
  if (other === null || !record || !(await isWholeEnvironment(versionDir, other))) return null;
  const installed = record.installedAt.slice(0, 10);
  return `An earlier environment (${record.features.join(', ')}; installed ${installed}) is still here. To use it instead of installing, run: ktx admin runtime undo`;
}

export interface TidyResult {
  /** Folders and files that were removed. */
  removed: string[];
  /** Why the rest could not be removed, one sentence each. */
  problems: string[];
}

/**
 * Removes everything from a version's folder except the active environment, the target of undo and the link.
 * Needs write access. Can be interrupted and repeated. Problems are returned rather than thrown: the runtime
 * works either way.
 * @param isInUse keeps environments with running processes.
 */
export async function tidyEnvironments(
  versionDir: string,
  isInUse: (environmentDir: string) => Promise<boolean>,
): Promise<TidyResult> {
  const result: TidyResult = { removed: [], problems: [] };
  const { active, unneeded } = await readEnvironments(versionDir);
  if (active.kind === 'id') {
    const linkPath = join(versionDir, '.venv');
    const environmentDir = join(environmentsDir(versionDir), active.id);
    await pointLinkAt(linkPath, environmentDir, isInUse).catch((error: unknown) => {
      result.problems.push(`${linkPath} does not point to the active environment: ${errorMessage(error)}`);
    });
  }
  for (const id of unneeded) {
    const path = join(environmentsDir(versionDir), id);
    if (await isInUse(path)) continue;
    await attempt(result, path, () => removeAside(path, ENVIRONMENT_MARKERS));
  }
  for (const folder of [versionDir, environmentsDir(versionDir)]) {
    for (const name of await namesIn(folder)) {
      const path = join(folder, name);
      if (await isLeftover(path, name))
        await attempt(result, path, () => rm(path, { recursive: true, force: true }));
    }
  }
  return result;
}

async function isLeftover(path: string, name: string): Promise<boolean> {
  const kind = (['folder', 'link', 'file'] as const).find((candidate) => LEFTOVERS[candidate].test(name));
  if (kind === undefined) return false;
  const status = await lstat(path).catch(() => null);
  return status !== null && kindOf(status) === kind;
}

/**
 * Deletes all environments of a version. If interrupted, the remains are recognisable as such.
 * @throws the file system's error.
 */
export async function removeEnvironments(versionDir: string): Promise<void> {
  const ids = (await namesIn(environmentsDir(versionDir))).filter((name) => ENVIRONMENT_ID.test(name));
  for (const id of ids) await removeAside(join(environmentsDir(versionDir), id), ENVIRONMENT_MARKERS);
  const venvDir = join(versionDir, '.venv');
  if ((await lstat(venvDir).catch(() => null))?.isDirectory())
    await removeAside(venvDir, ENVIRONMENT_MARKERS);
}

async function attempt(result: TidyResult, path: string, remove: () => Promise<void>): Promise<void> {
  try {
    await remove();
    result.removed.push(path);
  } catch (error) {
    result.problems.push(`${path} is no longer needed and could not be removed: ${errorMessage(error)}`);
  }
}

/**
 * Points `.venv` at the active environment, for people and for documented paths. A real folder from an older
 * installation is replaced, unless a process runs from it.
 */
async function pointLinkAt(
  linkPath: string,
  environmentDir: string,
  isInUse: (environmentDir: string) => Promise<boolean>,
): Promise<void> {
  const present = await lstat(linkPath).catch(() => null);
  const isWindows = process.platform === 'win32';
  const target = isWindows ? environmentDir : relative(dirname(linkPath), environmentDir);
  if (present?.isSymbolicLink()) {
    if ((await readlink(linkPath)).replace(/[\\/]$/, '') === target) return;
  } else if (present) {
    if (await isInUse(linkPath)) return;
    await removeAside(linkPath, ENVIRONMENT_MARKERS);
  }
  const temporary = `${linkPath}.${randomBytes(4).toString('hex')}`;
  await symlink(target, temporary, isWindows ? 'junction' : 'dir');
  // On Windows, rename does not replace an existing junction.
  if (isWindows) await rm(linkPath, { force: true, recursive: true });
  await rename(temporary, linkPath);
}

/** Does not follow a link in place of `envs`: its target is not ours. */
async function namesIn(folder: string): Promise<string[]> {
  if (basename(folder) === 'envs' && (await lstat(folder).catch(() => null))?.isSymbolicLink()) return [];
  return readdir(folder).catch((error: unknown) => {
    if (isAbsence(error)) return [];
    throw error;
  });
}
