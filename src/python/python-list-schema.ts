import * as z from 'zod/mini';

/**
 * `uv/python/<id>/digests.json`: what uv unpacked into this folder, made right after it did. Without it the folder is unfinished or
 * was found altered, and no new environment uses it; those that do already keep it.
 */
const digestListSchema = z.object({
  schemaVersion: z.literal(1),
  archiveSha256: z.string(),
  /** uv's name of this Python, the folder within the folder. */
  key: z.string(),
  files: z.record(z.string(), z.string()),
});

export type PythonDigestList = z.infer<typeof digestListSchema>;

/** @throws ZodError when it is no list of ours. */
export function parsePythonDigestList(value: unknown): PythonDigestList {
  return digestListSchema.parse(value);
}
