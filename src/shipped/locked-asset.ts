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

/** The sha256 of the lock and of the requirements that an install was made from. Kept in the manifest. */
export interface LockedDigests {
  lock: string;
  requirements: string;
}

export interface LockedAsset {
  lock: RuntimeLock;
  /** The hash-locked requirements of the largest requested feature; they cover the smaller ones. */
  readRequirements(features: readonly KtxRuntimeFeature[]): Promise<string>;
  digestsFor(features: readonly KtxRuntimeFeature[]): LockedDigests;
}

/**
 * The digests that an install of these features would be made from, or `null` where there is no lock. For telling whether an
 * installed one still is what it would be: hashes the lock, reads nothing in it, and trusts the manifest for the requirements.
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

/** The requirements of the largest feature cover those of the smaller ones. */
function requirementsFile(files: LockedFiles, features: readonly KtxRuntimeFeature[]) {
  return files.requirements[largestOf(features)];
}

function largestOf(features: readonly KtxRuntimeFeature[]): KtxRuntimeFeature {
  return features.includes('local-embeddings') ? 'local-embeddings' : 'core';
}

/**
 * The lock of an asset directory, or `null` where there is none: a foreign wheel, whose packages uv resolves online.
 * The chain of digests starts in the program: it carries that of the bundled `manifest.json`, which carries those of
 * lock and requirements.
 * @throws SetupError of class verification naming the file when a link of the chain does not hold.
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
  // What the carried digest vouches for was checked when it was made. The first screen waits for this.
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

/** Whether this is the directory that came with the program, whose manifest digest it carries. */
function isBundledDirectory(assetDir: string): boolean {
  return resolve(assetDir) === resolve(join(PACKAGE_ROOT, 'assets', 'python'));
}

/** Without a schema the bytes are taken at their word. */
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
