import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod/mini';
import { errorCode } from '../support/errors.ts';
import { parseSchema } from '../support/schema.ts';
import { readWheelPythonRequirement, type WheelPythonRequirement } from './wheel-metadata.ts';

/** `<assetDir>/manifest.json`, made by `npm run assets:build`. Unknown keys are dropped. Contract section 4. */
export const assetManifestSchema = z.object({
  schemaVersion: z.literal(1),
  distributionName: z.literal('kaelio-ktx'),
  normalizedName: z.literal('kaelio_ktx'),
  version: z.string().check(z.minLength(1)),
  wheel: z.object({
    file: z.string().check(z.minLength(1)),
    sha256: z.string().check(z.regex(/^[a-f0-9]{64}$/)),
    bytes: z.int().check(z.minimum(0)),
  }),
});

export type ManagedRuntimeAssetManifest = z.infer<typeof assetManifestSchema>;

/** A bundled wheel that was read and is the file its manifest describes. */
export interface ManagedRuntimeAsset {
  manifest: ManagedRuntimeAssetManifest;
  wheelPath: string;
  requiresPython: WheelPythonRequirement;
}

/**
 * Reads and checks the bundled wheel: manifest, file name, digest and size, Python requirement, in this order.
 * @throws plain Error (a broken package is our fault) with the messages of contract section 5; file system, JSON
 * and zod errors unchanged.
 */
export async function verifyRuntimeAsset(options: { assetDir: string }): Promise<ManagedRuntimeAsset> {
  const manifest = await readAssetManifest(join(options.assetDir, 'manifest.json'));
  const { file, sha256, bytes } = manifest.wheel;
  if (!isPlainFileName(file)) {
    throw new Error(`Unsafe runtime wheel filename in bundled manifest: ${file}`);
  }
  const wheelPath = join(options.assetDir, file);
  const wheel = await readFile(wheelPath);
  if (wheel.length !== bytes || createHash('sha256').update(wheel).digest('hex') !== sha256) {
    throw new Error(`Bundled Python runtime wheel checksum mismatch: ${wheelPath}`);
  }
  return { manifest, wheelPath, requiresPython: await readWheelPythonRequirement(wheel, wheelPath) };
}

async function readAssetManifest(path: string): Promise<ManagedRuntimeAssetManifest> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
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
  return parseSchema(assetManifestSchema, JSON.parse(text));
}

function isPlainFileName(file: string): boolean {
  return file === basename(file) && !/[/\\]/.test(file) && file !== '.' && file !== '..';
}
