import * as z from 'zod/mini';
import { isMemberPath, MAX_MEMBER_BYTES } from './ustar.ts';

export const BUNDLE_SCHEMA_VERSION = 1;

/** `bundle.json` comes first, then its digest in the format of `sha256sum`, then the signature, if any. */
export const CONTENTS_PATH = 'bundle.json';
export const DIGEST_PATH = 'bundle.json.sha256';
export const SIGNATURE_PATH = 'bundle.json.sig';

/** A list of a thousand members has 300 kB. */
export const MAX_CONTENTS_BYTES = 16 * 1024 * 1024;
export const MAX_SIGNATURE_BYTES = 64 * 1024;

const sha256Schema = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/**
 * `uv`, `python`, `wheel` and `model` are artefacts of an install; `app` and `node` run it; `document` is for
 * people.
 */
const MEMBER_KINDS = ['uv', 'python', 'wheel', 'model', 'app', 'node', 'document'] as const;

export const memberSchema = z.object({
  path: z.string().check(
    z.refine((path) => isMemberPath(path) && ![CONTENTS_PATH, DIGEST_PATH, SIGNATURE_PATH].includes(path), {
      message: 'is not a name that a member can have',
    }),
  ),
  sha256: sha256Schema,
  sizeBytes: z.int().check(z.nonnegative(), z.lte(MAX_MEMBER_BYTES)),
  kind: z.enum(MEMBER_KINDS),
  /** A description of the file's origin. */
  source: z.string(),
  /** SPDX expression, or the text from its metadata. */
  licence: z.string(),
  /** Not in this file: an earlier bundle has put it into the target's store. */
  isOmitted: z.optional(z.literal(true)),
});

export const bundleSchema = z.object({
  schemaVersion: z.literal(BUNDLE_SCHEMA_VERSION),
  name: z.literal('ktx-bundle'),
  cliVersion: z.string(),
  /** Digests that tie it to one program: another program installs other files. */
  lockSha256: sha256Schema,
  wheelSha256: sha256Schema,
  uvVersion: z.string(),
  /** `null`: uses the target's own interpreter. */
  pythonVersion: z.nullable(z.string()),
  platforms: z.array(z.string()).check(z.minLength(1)),
  features: z.array(z.string()).check(z.minLength(1)),
  members: z.array(memberSchema),
});

/** The contents of a bundle: its first member, covered by the signature. */
export type BundleContents = z.infer<typeof bundleSchema>;
export type BundleMember = BundleContents['members'][number];

/** The content of `bundle.json.sha256`. */
export function digestLine(sha256: string): string {
  return `${sha256}  ${CONTENTS_PATH}\n`;
}
