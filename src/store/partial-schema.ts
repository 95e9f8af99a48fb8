import * as z from 'zod/mini';

/**
 * `<sha256>.partial.json`: who sent the bytes of a partial file. Without the URL, since signed URLs contain
 * secrets and expire.
 */
export const partialOriginSchema = z.object({
  /** The `host[:port]` that answered, after redirects. */
  host: z.string(),
  /** Its strong ETag; `null` without one, or with a weak one, which says nothing about the bytes. */
  etag: z.nullable(z.string()),
});
export type PartialOrigin = z.infer<typeof partialOriginSchema>;
