import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { writeFileAtomic } from '../support/fs/atomic-file.ts';
import { fileIdentity } from '../support/fs/file-identity.ts';
import { readRegularText } from '../support/fs/regular-file.ts';

/**
 * `uv/known-files`, written by an install that succeeded: a line for each wheel and file of a model that it used, as it lay there
 * when its digest was checked. Read by the next plan, which hashes hundreds of megabytes otherwise. A line counts as a whole or
 * not at all, so neither another file nor a damaged line can pass for a known one. What it cannot tell is a disk that changes
 * bytes by itself: uv hashes wheels once more when it unpacks them, and the proof a model's files.
 */
export interface KnownFiles {
  has(path: string, identity: string, sha256: string): boolean;
}

const MAX_BYTES = 8 * 1024 * 1024;

const listPath = (sharedDir: string) => join(sharedDir, 'known-files');

/** Paths below the shared folder: it may be reached by another name, or be moved. */
const lineOf = (sharedDir: string, path: string, identity: string, sha256: string) =>
  `${sha256} ${identity} ${relative(sharedDir, path)}`;

/** @param sharedDir `SharedLayout.root`. */
export async function readKnownFiles(sharedDir: string): Promise<KnownFiles> {
  const lines = new Set(
    (await readRegularText(listPath(sharedDir), { maxBytes: MAX_BYTES }).catch(() => '')).split('\n'),
  );
  return { has: (path, identity, sha256) => lines.has(lineOf(sharedDir, path, identity, sha256)) };
}

/**
 * Files with another content than when their digest was checked. Only those that were written to or replaced since are
 * hashed; one that the list does not have is not judged.
 * @param paths of files that are there.
 */
export async function findAlteredFiles(sharedDir: string, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const text = await readRegularText(listPath(sharedDir), { maxBytes: MAX_BYTES }).catch(() => '');
  const changed: { path: string; sha256: string }[] = [];
  for (const path of paths) {
    const line = text.split('\n').find((each) => each.endsWith(` ${relative(sharedDir, path)}`));
    const sha256 = line?.slice(0, 64);
    if (sha256 === undefined || line === lineOf(sharedDir, path, (await fileIdentity(path)) ?? '', sha256))
      continue;
    changed.push({ path, sha256 });
  }
  if (changed.length === 0) return [];
  const { hashFiles } = await import('../support/fs/hash-files.ts');
  const found = await hashFiles(changed.map(({ path }) => path));
  // A file that cannot be read is reported elsewhere.
  return changed
    .filter(({ sha256 }, at) => 'sha256' in found[at]! && found[at].sha256 !== sha256)
    .map(({ path }) => path);
}

/** The list's text for files that have just been checked: what changes after this is not known. */
export async function describeKnownFiles(
  sharedDir: string,
  files: readonly { path: string; sha256: string }[],
): Promise<string> {
  const lines = await Promise.all(
    files.map(async ({ path, sha256 }) => {
      const identity = await fileIdentity(path);
      return identity === null ? '' : `${lineOf(sharedDir, path, identity, sha256)}\n`;
    }),
  );
  return lines.join('');
}

/** Needs write access. A failure is none: the next plan hashes. */
export async function writeKnownFiles(sharedDir: string, text: string): Promise<void> {
  await writeFileAtomic(listPath(sharedDir), text, 0o644, { isDurable: false }).catch(() => {});
}

/** Before an install, so that one that fails leaves nothing that the next would trust. */
export async function forgetKnownFiles(sharedDir: string): Promise<void> {
  await rm(listPath(sharedDir), { recursive: true, force: true, maxRetries: 3 });
}
