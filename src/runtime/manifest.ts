import { errorCode } from '../support/errors.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { type NewerRecord, newerRecord } from '../support/newer-record.ts';
import type { InstalledKtxRuntimeManifest } from './manifest-schema.ts';

/** It has about 1 kB. */
export const MAX_MANIFEST_BYTES = 1024 * 1024;

/** A manifest with a higher one is of a newer ktx. */
export const MANIFEST_SCHEMA_VERSION = 1;

export type { InstalledKtxRuntimeManifest } from './manifest-schema.ts';

/**
 * The installed manifest, or `null` when there is none.
 * @throws the file system's, JSON's or zod's own error when there is one that cannot be used.
 */
export async function readInstalledManifest(path: string): Promise<InstalledKtxRuntimeManifest | null> {
  let text: string;
  try {
    text = await readRegularText(path, { maxBytes: MAX_MANIFEST_BYTES });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  // Loaded where there is something to check: without an installed runtime no command needs it.
  const [{ installedManifestSchema }, { parseSchema }] = await Promise.all([
    import('./manifest-schema.ts'),
    import('../support/schema.ts'),
  ]);
  return parseSchema(installedManifestSchema, JSON.parse(text));
}

/** What a newer ktx wrote in the place of a manifest or of an environment's record; `null` for one of this version, and for none. */
export async function readNewerManifest(path: string): Promise<NewerRecord | null> {
  const text = await readRegularText(path, { maxBytes: MAX_MANIFEST_BYTES }).catch(() => null);
  return text === null ? null : newerRecord(text, MANIFEST_SCHEMA_VERSION);
}

/** Whether an environment is of another program's wheel: its daemon need not know what ours promises beyond the contract. */
export function isForeignWheel({
  locked,
  asset,
}: Pick<InstalledKtxRuntimeManifest, 'locked' | 'asset'>): boolean {
  return locked === undefined || 'proof' in asset;
}
