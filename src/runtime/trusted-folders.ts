import type { Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sharedLayout } from '../core/layout.ts';
import { SetupError } from '../support/errors.ts';
import { OTHER_ROOT, otherRemedy } from '../support/remedies.ts';

const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
const STICKY = 0o1000;

export interface FolderTrust {
  /** Set when another user could have planted code in the runtime. */
  distrust: SetupError | null;
  /**
   * A folder that a group can write to. Someone chose that with `chmod g+w`, so it is a warning and not
   * refused.
   */
  groupShared: string | null;
  /**
   * A folder above the root in which other users can rename the root away. The user chose that place, so it
   * is a warning and not refused.
   */
  openAbove: string | null;
}

/**
 * Checks the folders of a runtime whose programs are run and whose files are trusted: each must belong to
 * this user or root and must not be world-writable. Sticky folders are accepted: other users can add files
 * there but cannot replace ours, and what they add has their uid. Missing folders are fine. Not checked on
 * Windows, whose access lists Node does not read.
 */
export async function inspectFolders(
  runtimeRoot: string,
  versionDirs: readonly string[],
): Promise<FolderTrust> {
  let groupShared: string | null = null;
  if (process.platform === 'win32') return { distrust: null, groupShared, openAbove: null };
  const shared = sharedLayout(runtimeRoot);
  const [uvFolders, openAbove, ...environments] = await Promise.all([
    foldersIn(shared.root),
    findOpenAbove(runtimeRoot),
    ...versionDirs.map(async (folder) => {
      const environments = await foldersIn(join(folder, 'envs'));
      return Promise.all(environments.map(codeFolders));
    }),
  ]);
  const folders = [
    ...new Set([
      runtimeRoot,
      ...Object.values(shared),
      ...uvFolders,
      ...versionDirs.flatMap((folder) => [folder, join(folder, 'envs')]),
      ...environments.flat(2),
    ]),
  ];
  const found = await Promise.all(folders.map((folder) => stat(folder).catch(() => null)));
  const trusted = trustedUids();
  for (const [position, status] of found.entries()) {
    const folder = folders[position]!;
    if (status === null) continue;
    if (!trusted.has(status.uid)) return { distrust: ownedByOther(folder, status), groupShared, openAbove };
    if (status.mode & OTHERS_WRITE && !(status.mode & STICKY))
      return { distrust: writableForAll(folder, status, runtimeRoot), groupShared, openAbove };
    if (status.mode & GROUP_WRITE && status.gid !== process.getgid?.()) groupShared ??= folder;
  }
  return { distrust: null, groupShared, openAbove };
}

/** Folders of an environment in which a planted file would be run. */
async function codeFolders(environmentDir: string): Promise<string[]> {
  const lib = join(environmentDir, 'lib');
  const pythons = await foldersIn(lib);
  const packages = pythons.map((folder) => join(folder, 'site-packages'));
  return [environmentDir, join(environmentDir, 'bin'), lib, ...pythons, ...packages];
}

/** For `uv/`: each version of uv has a folder with the program in it. */
async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}

/** The nearest world-writable folder above the root, links resolved; `null` when there is none. */
async function findOpenAbove(runtimeRoot: string): Promise<string | null> {
  let folder = await realpath(dirname(runtimeRoot)).catch(() => null);
  while (folder !== null) {
    const status = await stat(folder).catch(() => null);
    if (status !== null && status.mode & OTHERS_WRITE && !(status.mode & STICKY)) return folder;
    folder = dirname(folder) === folder ? null : dirname(folder);
  }
  return null;
}

/** @throws SetupError of class permission that names the folder, see `inspectFolders`. @returns as there. */
export async function assertTrustedFolders(
  runtimeRoot: string,
  versionDirs: readonly string[],
): Promise<FolderTrust> {
  const trust = await inspectFolders(runtimeRoot, versionDirs);
  if (trust.distrust) throw trust.distrust;
  return trust;
}

/** This user, root, and under sudo the user who called it, who could do anything already. */
function trustedUids(): Set<number> {
  const own = process.geteuid?.() ?? 0;
  const sudo = own === 0 ? Number(process.env['SUDO_UID'] ?? Number.NaN) : Number.NaN;
  return new Set([own, 0, ...(Number.isSafeInteger(sudo) ? [sudo] : [])]);
}

function ownedByOther(folder: string, { uid }: Stats): SetupError {
  return new SetupError(`${folder} belongs to another user (uid ${uid}), who could put programs there.`, {
    failureClass: 'permission',
    evidence: [`this user has uid ${process.geteuid?.()}`, 'nothing in it was read or run'],
    remedies: [
      OTHER_ROOT,
      otherRemedy('If the folder is yours', {
        argv: ['chown', '-R', String(process.geteuid?.()), folder],
        afterwards: ['ktx', 'setup'],
        nextAttempt: 'afterwards',
      }),
    ],
  });
}

function writableForAll(folder: string, { mode }: Stats, runtimeRoot: string): SetupError {
  return new SetupError(`Every user of this machine can write to ${folder} and could put programs there.`, {
    failureClass: 'permission',
    evidence: [`its mode is ${(mode & 0o7777).toString(8)}`, 'nothing in it was read or run'],
    remedies: [
      // Recursive: if one folder is open, more may be.
      otherRemedy('If nobody else has used it', {
        argv: ['chmod', '-R', 'o-w', runtimeRoot],
        afterwards: ['ktx', 'setup'],
        nextAttempt: 'afterwards',
      }),
      OTHER_ROOT,
    ],
  });
}
