import * as z from 'zod/mini';

/** `<sha256>.partial.json`: who sent the bytes of a partial file. No address: signed addresses hold secrets and do not last. */
export const partialOriginSchema = z.object({
  /** `host[:port]` that answered last, redirects followed. */
  host: z.string(),
  /** Its strong ETag; `null` when it gave none, or a weak one, which says nothing about bytes. */
  etag: z.nullable(z.string()),
});
export type PartialOrigin = z.infer<typeof partialOriginSchema>;
