import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Artefact } from '../shipped/lock.ts';
import { errorCode, SetupError, throwIfCancelled } from '../support/errors.ts';
import { makeFolder, syncDirectory, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { openNewFile, openRegularFile, readRegularFile } from '../support/fs/regular-file.ts';
import { RETRY } from '../support/remedies.ts';
import { listZip, readZipEntry } from '../support/zip.ts';
import type { ArtefactStore } from './store.ts';

/** The largest model file that is extracted from a container. */
const MAX_MEMBER_BYTES = 512 * 1024 * 1024;
const STAGED = '.staged-';

/**
 * Whether every file exists with its digest, hashed now or known from an earlier install: altered weights
 * compute different vectors without any error.
 */
export async function isWholeModel(
  folder: string,
  files: readonly Artefact[],
  store: Pick<ArtefactStore, 'digestOf'>,
  signal?: AbortSignal,
): Promise<boolean> {
  for (const { file, sha256, sizeBytes } of files) {
    const path = join(folder, file);
    const status = await stat(path).catch(() => null);
    if (status === null || !status.isFile() || status.size !== sizeBytes) return false;
    if ((await store.digestOf(path, signal, sha256)) !== sha256) return false;
  }
  return true;
}

/** Moves verified files from the store into the folder, atomically. */
export async function placeModelFiles(
  folder: string,
  files: readonly Artefact[],
  store: ArtefactStore,
): Promise<void> {
  await placeFolder(folder, async (staged) => {
    for (const file of files) await moveFile(store.pathOf(file), join(staged, file.file));
  });
}

/** Store and models may be on different volumes; the copied original is left for the caller to remove. */
async function moveFile(from: string, to: string): Promise<void> {
  await rename(from, to).catch(async (error: unknown) => {
    if (errorCode(error) !== 'EXDEV') throw error;
    const source = await openRegularFile(from, { maxBytes: Number.POSITIVE_INFINITY });
    const target = await openNewFile(to);
    try {
      for await (const chunk of source.createReadStream()) await target.writeFile(chunk);
      await target.sync();
    } finally {
      await source.close();
      await target.close();
    }
  });
}

/**
 * Extracts the files from a verified archive in the store into the folder, atomically.
 * @throws SetupError of class verification when a member differs from the pinned one; CancelledError.
 */
export async function placeModelFromContainer(
  folder: string,
  files: readonly Artefact[],
  container: { artefact: Artefact; folder: string; store: ArtefactStore },
  signal?: AbortSignal,
): Promise<void> {
  const { artefact, store } = container;
  const bytes = await readRegularFile(store.pathOf(artefact), {
    maxBytes: MAX_MEMBER_BYTES,
    links: 'follow',
  });
  const entries = listZip(bytes);
  await placeFolder(folder, async (staged) => {
    for (const { file, sha256 } of files) {
      throwIfCancelled(signal);
      const entry = entries.find(({ name }) => name === `${container.folder}/${file}`);
      if (!entry) throw new Error(`${artefact.file} has no ${container.folder}/${file}`);
      const content = await readZipEntry(bytes, entry, MAX_MEMBER_BYTES);
      const actual = createHash('sha256').update(content).digest('hex');
      if (actual !== sha256) throw otherBytes(artefact.file, file, sha256, actual);
      await writeFileAtomic(join(staged, file), content);
    }
  });
}

/** Fills a staging folder beside the target, then swaps them: a reader sees the complete model or none. */
async function placeFolder(folder: string, fill: (staged: string) => Promise<void>): Promise<void> {
  const parent = dirname(folder);
  await makeFolder(parent);
  for (const name of await readdir(parent)) {
    if (name.startsWith(STAGED)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const staged = join(parent, `${STAGED}${basename(folder)}-${randomBytes(4).toString('hex')}`);
  await mkdir(staged);
  try {
    await fill(staged);
    await syncDirectory(staged);
    await rm(folder, { recursive: true, force: true });
    await rename(staged, folder);
    await syncDirectory(parent);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

function otherBytes(container: string, file: string, expected: string, actual: string): SetupError {
  return new SetupError(`${file} in ${container} is not the pinned one.`, {
    failureClass: 'verification',
    evidence: [`expected sha256 ${expected}`, `found sha256 ${actual}`],
    remedies: [RETRY],
  });
}
