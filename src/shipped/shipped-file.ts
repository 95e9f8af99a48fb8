import { readRegularFile } from '../support/fs/regular-file.ts';

/** The largest is a wheel; an embedder's may be far larger than ours. */
const MAX_BYTES = 1024 * 1024 * 1024;

/**
 * Reads a file of an asset directory, following links, which package managers may create. @throws as
 * `readRegularFile`.
 */
export function readShippedFile(path: string): Promise<Buffer> {
  return readRegularFile(path, { maxBytes: MAX_BYTES, links: 'follow' });
}
