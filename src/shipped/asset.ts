import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { errorCode } from '../support/errors.ts';
import { BUNDLED_MANIFEST_SHA256, BUNDLED_REQUIRES_PYTHON } from './asset-digest.ts';
import type { ManagedRuntimeAssetManifest } from './asset-schema.ts';
import { readShippedFile } from './shipped-file.ts';
import type { WheelPythonRequirement } from './wheel-metadata.ts';

export type { ManagedRuntimeAssetManifest } from './asset-schema.ts';

/** A bundled wheel that was read and matches its manifest. */
export interface ManagedRuntimeAsset {
  manifest: ManagedRuntimeAssetManifest;
  wheelPath: string;
  requiresPython: WheelPythonRequirement;
}

/**
 * Reads and checks the bundled wheel: manifest, file name, digest and size, Python requirement, in this
 * order.
 * @throws plain Error with fixed messages (a broken package is a bug); file system, JSON and zod errors
 * unchanged.
 */
export async function verifyRuntimeAsset(options: { assetDir: string }): Promise<ManagedRuntimeAsset> {
  const { manifest, isBundled } = await readAssetManifest(join(options.assetDir, 'manifest.json'));
  const { file, sha256, bytes } = manifest.wheel;
  if (!isPlainFileName(file)) {
    throw new Error(`Unsafe runtime wheel filename in bundled manifest: ${file}`);
  }
  const wheelPath = join(options.assetDir, file);
  const wheel = await readShippedFile(wheelPath);
  if (wheel.length !== bytes || createHash('sha256').update(wheel).digest('hex') !== sha256) {
    throw new Error(`Bundled Python runtime wheel checksum mismatch: ${wheelPath}`);
  }
  if (isBundled) return { manifest, wheelPath, requiresPython: BUNDLED_REQUIRES_PYTHON };
  const { readWheelPythonRequirement } = await import('./wheel-metadata.ts');
  return { manifest, wheelPath, requiresPython: await readWheelPythonRequirement(wheel, wheelPath) };
}

async function readAssetManifest(
  path: string,
): Promise<{ manifest: ManagedRuntimeAssetManifest; isBundled: boolean }> {
  let bytes: Buffer;
  try {
    bytes = await readShippedFile(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new Error(
      [
        `Missing bundled Python runtime manifest: ${path}`,
        'In a source checkout, build the local runtime assets with: npm run assets:build',
        'Then retry the runtime-backed ktx command.',
      ].join('\n'),
      { cause: error },
    );
  }
  const document: unknown = JSON.parse(bytes.toString('utf8'));
  // These are the exact bytes that this program was built with, so no schema needs to be loaded.
  if (createHash('sha256').update(bytes).digest('hex') === BUNDLED_MANIFEST_SHA256) {
    const { schemaVersion, distributionName, normalizedName, version, wheel } = document as Exclude<
      ManagedRuntimeAssetManifest,
      { proof: unknown }
    >;
    return { manifest: { schemaVersion, distributionName, normalizedName, version, wheel }, isBundled: true };
  }
  const [{ assetManifestSchemaFor }, { parseSchema }] = await Promise.all([
    import('./asset-schema.ts'),
    import('../support/schema.ts'),
  ]);
  return {
    manifest: parseSchema(assetManifestSchemaFor(document), document) as ManagedRuntimeAssetManifest,
    isBundled: false,
  };
}

function isPlainFileName(file: string): boolean {
  return file === basename(file) && !/[/\\]/.test(file) && file !== '.' && file !== '..';
}
