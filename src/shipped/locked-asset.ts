import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ZodMiniType } from 'zod/mini';
import type { KtxRuntimeFeature } from '../core/features.ts';
import { errorCode, SetupError } from '../support/errors.ts';
import { PACKAGE_ROOT } from '../support/package-root.ts';
import { REINSTALL_PACKAGE } from '../support/remedies.ts';
import { BUNDLED_MANIFEST_SHA256 } from './asset-digest.ts';
import { type LockedFiles, type RuntimeLock, readLockedFile } from './lock.ts';
import { readShippedFile } from './shipped-file.ts';

/** The sha256 of the lock and the requirements that an install was made from. Stored in the manifest. */
export interface LockedDigests {
  lock: string;
  requirements: string;
}

export interface LockedAsset {
  lock: RuntimeLock;
  /** The hash-locked requirements of the largest requested feature, which include the smaller ones. */
  readRequirements(features: readonly KtxRuntimeFeature[]): Promise<string>;
  digestsFor(features: readonly KtxRuntimeFeature[]): LockedDigests;
}

/**
 * The digests that an install of these features would have, or `null` without a lock. Used to detect an
 * outdated install: hashes the lock without parsing it, and trusts the manifest for the requirements.
 */
export async function readLockedDigests(
  assetDir: string,
  features: readonly KtxRuntimeFeature[],
): Promise<LockedDigests | null> {
  const manifestPath = join(assetDir, 'manifest.json');
  const manifestBytes = await readShippedFile(manifestPath);
  const digest = createHash('sha256').update(manifestBytes).digest('hex');
  const schemas = digest === BUNDLED_MANIFEST_SHA256 ? null : await import('./lock-schema.ts');
  let files: LockedFiles;
  try {
    files = parsed<LockedFiles>(schemas?.lockedFilesSchema, manifestBytes, manifestPath);
  } catch {
    return null;
  }
  const lock = await readShippedFile(join(assetDir, files.lock.file)).catch(() => null);
  return (
    lock && {
      lock: createHash('sha256').update(lock).digest('hex'),
      requirements: requirementsFile(files, features)?.sha256 ?? '',
    }
  );
}

/** The requirements of the largest feature include those of the smaller ones. */
function requirementsFile(files: LockedFiles, features: readonly KtxRuntimeFeature[]) {
  return files.requirements[largestOf(features)];
}

function largestOf(features: readonly KtxRuntimeFeature[]): KtxRuntimeFeature {
  return features.includes('local-embeddings') ? 'local-embeddings' : 'core';
}

/**
 * The lock of an asset directory, or `null` for a foreign wheel without one, whose packages uv resolves
 * online. Verification starts in the program: it contains the digest of the bundled `manifest.json`, which
 * contains those of the lock and the requirements.
 * @throws SetupError of class verification naming the first file that does not match.
 */
export async function readLockedAsset(assetDir: string): Promise<LockedAsset | null> {
  const lockPath = join(assetDir, 'lock.json');
  const isPresent = await access(lockPath).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
  if (!isPresent) {
    if (isBundledDirectory(assetDir)) throw altered(lockPath, 'it is missing');
    return null;
  }
  const manifestPath = join(assetDir, 'manifest.json');
  const manifestBytes = await readShippedFile(manifestPath);
  const digest = createHash('sha256').update(manifestBytes).digest('hex');
  if (isBundledDirectory(assetDir) && digest !== BUNDLED_MANIFEST_SHA256) {
    throw altered(manifestPath, `expected sha256 ${BUNDLED_MANIFEST_SHA256}, found ${digest}`);
  }
  // Files under the built-in digest were validated when it was created. Skips loading the schema, since the
  // first screen waits for this.
  const schemas = digest === BUNDLED_MANIFEST_SHA256 ? null : await import('./lock-schema.ts');
  const files = parsed<LockedFiles>(schemas?.lockedFilesSchema, manifestBytes, manifestPath);
  const lockBytes = await readLockedFile(assetDir, files.lock);
  const lock = parsed<RuntimeLock>(schemas?.runtimeLockSchema, lockBytes, join(assetDir, files.lock.file));
  return {
    lock,
    async readRequirements(features) {
      const file = requirementsFile(files, features);
      if (!file) throw altered(manifestPath, `it names no requirements for ${largestOf(features)}`);
      return (await readLockedFile(assetDir, file)).toString('utf8');
    },
    digestsFor: (features) => ({
      lock: files.lock.sha256,
      requirements: requirementsFile(files, features)?.sha256 ?? '',
    }),
  };
}

/** Whether this is the directory shipped with the program, whose manifest digest is built in. */
function isBundledDirectory(assetDir: string): boolean {
  return resolve(assetDir) === resolve(join(PACKAGE_ROOT, 'assets', 'python'));
}

/** Without a schema the content is trusted. */
function parsed<T>(schema: ZodMiniType<T> | undefined, bytes: Buffer, path: string): T {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw altered(path, `it is not JSON: ${String(error)}`);
  }
  if (!schema) return value as T;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw altered(
    path,
    result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'),
  );
}

function altered(path: string, reason: string): SetupError {
  return new SetupError(`${path} of the bundled runtime is not as it was shipped.`, {
    failureClass: 'verification',
    evidence: reason.split('\n'),
    remedies: [REINSTALL_PACKAGE],
  });
}
