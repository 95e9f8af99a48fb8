import { relative, sep } from 'node:path';
import { managedPythonRuntimeLayout } from '../core/layout.ts';
import { EMBEDDINGS_MODEL } from '../core/model-folder-path.ts';
import { readLockedAsset } from '../shipped/locked-asset.ts';
import { MANAGED_UV_ARTIFACTS, MANAGED_UV_VERSION, MANAGED_UV_WHEELS } from '../uv/release.ts';
import { type OwnedItem, takeInventory } from './inventory.ts';

/** Shared parts that can accumulate leftovers. */
export const SHARED_PARTS = ['uv', 'models', 'wheels'] as const;
export type SharedPart = (typeof SHARED_PARTS)[number];

export interface UnneededItem {
  part: SharedPart;
  path: string;
  sizeBytes: number;
}

/**
 * Files that only removed versions used: other versions of uv, other revisions of the model, downloads that
 * this version's lock does not name. The caller must check whether another version or program still uses
 * them.
 */
export async function findUnneeded(
  options: { cliVersion: string; runtimeRoot: string; assetDir?: string | undefined },
  parts: readonly SharedPart[],
): Promise<UnneededItem[]> {
  const { runtimeRoot, assetDir } = managedPythonRuntimeLayout(options);
  const [{ owned }, lockedAsset] = await Promise.all([takeInventory(runtimeRoot), readLockedAsset(assetDir)]);
  const needed = {
    uvVersion: MANAGED_UV_VERSION,
    modelFolder: `${EMBEDDINGS_MODEL.name}@${EMBEDDINGS_MODEL.revision}`,
    // Without a lock, the wheels of an install are not known in advance.
    digests: lockedAsset === null ? null : new Set([...uvDigests(), ...digestsIn(lockedAsset.lock)]),
  };
  return owned.flatMap((item) => {
    const part = unneededPart(relative(runtimeRoot, item.path).split(sep), needed);
    return part !== null && parts.includes(part) ? [unneeded(part, item)] : [];
  });
}

/** Pure. @param path below the runtime root, split into parts. */
export function unneededPart(
  path: readonly string[],
  needed: { uvVersion: string; modelFolder: string; digests: ReadonlySet<string> | null },
): SharedPart | null {
  const [shared, folder = '', name = ''] = path;
  if (shared !== 'uv') return null;
  if (/^\d+\.\d+\.\d+$/.test(folder)) return folder === needed.uvVersion ? null : 'uv';
  if (folder === 'models') return name === needed.modelFolder ? null : 'models';
  if (folder === 'store' && needed.digests !== null)
    return /^[0-9a-f]{64}$/.test(name) && !needed.digests.has(name) ? 'wheels' : null;
  return null;
}

function unneeded(part: SharedPart, { path, sizeBytes }: OwnedItem): UnneededItem {
  return { part, path, sizeBytes };
}

function uvDigests(): string[] {
  return [...Object.values(MANAGED_UV_ARTIFACTS), ...Object.values(MANAGED_UV_WHEELS)].map(
    ({ sha256 }) => sha256,
  );
}

/** All digests in the lock: wheels, interpreters, model files. */
function digestsIn(lock: object): string[] {
  return JSON.stringify(lock).match(/\b[0-9a-f]{64}\b/g) ?? [];
}
