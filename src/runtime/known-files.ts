import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { writeFileAtomic } from '../support/fs/atomic-file.ts';
import { fileIdentity } from '../support/fs/file-identity.ts';
import { readRegularText } from '../support/fs/regular-file.ts';

/**
 * `uv/known-files`, written after a successful install: one line for each wheel and model file it used, with
 * the file's identity when its digest was checked. It saves the next plan from hashing hundreds of megabytes.
 * A line matches whole or not at all, so neither another file nor a damaged line passes for a known one. It
 * cannot detect silent disk corruption; uv hashes wheels again when it unpacks them, and the proof does so
 * for model files.
 */
export interface KnownFiles {
  has(path: string, identity: string, sha256: string): boolean;
}

const MAX_BYTES = 8 * 1024 * 1024;

const listPath = (sharedDir: string) => join(sharedDir, 'known-files');

/** Relative to the shared folder, which may have another name or be moved. */
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
 * Files whose content has changed since their digest was checked. Only files modified or replaced since then
 * are hashed; files not in the list are skipped.
 * @param paths of existing files.
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
  // Unreadable files are reported elsewhere.
  return changed
    .filter(({ sha256 }, at) => 'sha256' in found[at]! && found[at].sha256 !== sha256)
    .map(({ path }) => path);
}

/**
 * The text of the list for files that have just been checked. Later changes go unnoticed until the next
 * check.
 */
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

/** Needs write access. Best effort: without the list the next plan hashes. */
export async function writeKnownFiles(sharedDir: string, text: string): Promise<void> {
  await writeFileAtomic(listPath(sharedDir), text, 0o644, { isDurable: false }).catch(() => {});
}

/** Called before an install, so that a failed one leaves nothing for the next to trust. */
export async function forgetKnownFiles(sharedDir: string): Promise<void> {
  await rm(listPath(sharedDir), { recursive: true, force: true, maxRetries: 3 });
}
