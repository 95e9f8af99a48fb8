import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { KtxRuntimeFeature } from '../core/features.ts';
import { SetupError } from '../support/errors.ts';
import { REINSTALL_PACKAGE } from '../support/remedies.ts';
import type { RuntimeLock, SystemMinimum } from './lock-schema.ts';
import { readShippedFile } from './shipped-file.ts';

export type { LockedFiles, RuntimeLock, SystemMinimum } from './lock-schema.ts';

/** One file that an install needs, by digest. Sizes in bytes; `null` is unknown. */
export interface Artefact {
  sha256: string;
  file: string;
  kind: 'uv' | 'python' | 'wheel' | 'model';
  sizeBytes: number | null;
  unpackedBytes: number | null;
  /** Path on the public index's file host, if known. */
  publicPath?: string;
}

/** @throws Error when the lock does not describe the digest: an inconsistent lock, a bug. */
export function lockArtefact(lock: RuntimeLock, sha256: string): Artefact {
  const entry = lock.artefacts[sha256];
  if (!entry) throw new Error(`lock.json refers to ${sha256} and does not describe it`);
  return {
    sha256,
    file: entry.file,
    kind: entry.kind,
    sizeBytes: entry.bytes,
    unpackedBytes: entry.unpackedBytes,
    ...(entry.publicPath ? { publicPath: entry.publicPath } : {}),
  };
}

/** A target's entry for a feature, in either form; `null` when the lock has none. */
export function lockedFeature(
  lock: Pick<RuntimeLock, 'targets'>,
  targetKey: string,
  feature: KtxRuntimeFeature,
): { minimum: SystemMinimum; artefacts: readonly string[] } | { unavailable: string } | null {
  const target = lock.targets[targetKey];
  const entry = target?.features[feature];
  if (!target || !entry) return null;
  return Array.isArray(entry) ? { minimum: target.minimum, artefacts: entry } : entry;
}

/** The wheels of a target for these features, without duplicates. */
export function artefactsOf(
  lock: RuntimeLock,
  targetKey: string,
  features: readonly KtxRuntimeFeature[],
): Artefact[] {
  const entries = features.map((feature) => lockedFeature(lock, targetKey, feature));
  const digests = new Set(entries.flatMap((entry) => (entry && 'artefacts' in entry ? entry.artefacts : [])));
  return [...digests].map((sha256) => lockArtefact(lock, sha256));
}

/** The largest artefact, as far as sizes are known. */
export function largestArtefact(artefacts: readonly Artefact[]): Artefact | null {
  return [...artefacts].sort((a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0))[0] ?? null;
}

/**
 * Reads a file of the asset directory that is covered by the manifest.
 * @throws SetupError of class verification naming the file and both digests.
 */
export async function readLockedFile(
  assetDir: string,
  locked: { file: string; sha256: string },
): Promise<Buffer> {
  const path = join(assetDir, locked.file);
  const bytes = await readShippedFile(path);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== locked.sha256) {
    throw new SetupError(`${locked.file} of the bundled runtime is not the file that was shipped.`, {
      failureClass: 'verification',
      evidence: [`file: ${path}`, `expected sha256 ${locked.sha256}`, `found sha256 ${actual}`],
      remedies: [REINSTALL_PACKAGE],
    });
  }
  return bytes;
}
