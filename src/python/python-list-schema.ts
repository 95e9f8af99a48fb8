import * as z from 'zod/mini';

/**
 * `uv/python/<id>/digests.json`: digests of what uv unpacked into this folder, written right afterwards.
 * Without it the folder is incomplete or was found altered, and no new environment uses it; existing ones
 * keep it.
 */
const digestListSchema = z.object({
  schemaVersion: z.literal(1),
  archiveSha256: z.string(),
  /** uv's key for this Python, the name of the subfolder. */
  key: z.string(),
  files: z.record(z.string(), z.string()),
});

export type PythonDigestList = z.infer<typeof digestListSchema>;

/** @throws ZodError when it is not such a list. */
export function parsePythonDigestList(value: unknown): PythonDigestList {
  return digestListSchema.parse(value);
}
