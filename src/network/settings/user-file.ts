import { readRegularFile } from '../../support/fs/regular-file.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** A file of settings or certificates that the user or the system has: it may be a link, and `/dev/null` for none. @throws as `readRegularFile`. */
export function readUserFile(path: string): Promise<Buffer> {
  return readRegularFile(path, { maxBytes: MAX_BYTES, links: 'follow' });
}
