import { errorCode } from '../support/errors.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { type NewerRecord, newerRecord } from '../support/newer-record.ts';
import type { InstalledKtxRuntimeManifest } from './manifest-schema.ts';

/** A manifest is about 1 kB. */
export const MAX_MANIFEST_BYTES = 1024 * 1024;

/** A higher version was written by a newer ktx. */
export const MANIFEST_SCHEMA_VERSION = 1;

export type { InstalledKtxRuntimeManifest } from './manifest-schema.ts';

/**
 * The installed manifest, or `null` when there is none.
 * @throws the file system's, JSON's or zod's own error when it cannot be used.
 */
export async function readInstalledManifest(path: string): Promise<InstalledKtxRuntimeManifest | null> {
  let text: string;
  try {
    text = await readRegularText(path, { maxBytes: MAX_MANIFEST_BYTES });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  // Loaded on demand: without an installed runtime no command needs it.
  const [{ installedManifestSchema }, { parseSchema }] = await Promise.all([
    import('./manifest-schema.ts'),
    import('../support/schema.ts'),
  ]);
  return parseSchema(installedManifestSchema, JSON.parse(text));
}

/**
 * What a newer ktx wrote as a manifest or an environment's record; `null` for one of this version, and when
 * there is none.
 */
export async function readNewerManifest(path: string): Promise<NewerRecord | null> {
  const text = await readRegularText(path, { maxBytes: MAX_MANIFEST_BYTES }).catch(() => null);
  return text === null ? null : newerRecord(text, MANIFEST_SCHEMA_VERSION);
}

/**
 * Whether an environment was built from another program's wheel, whose daemon need not support more than the
 * contract.
 */
export function isForeignWheel({
  locked,
  asset,
}: Pick<InstalledKtxRuntimeManifest, 'locked' | 'asset'>): boolean {
  return locked === undefined || 'proof' in asset;
}
