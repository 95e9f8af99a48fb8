import { readRegularFile } from '../support/fs/regular-file.ts';

/** The largest is a wheel; an embedder may ship one that is far larger than ours. */
const MAX_BYTES = 1024 * 1024 * 1024;

/** A file of an asset directory: package managers may link it. @throws as `readRegularFile`. */
export function readShippedFile(path: string): Promise<Buffer> {
  return readRegularFile(path, { maxBytes: MAX_BYTES, links: 'follow' });
}
