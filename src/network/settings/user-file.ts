import { readRegularFile } from '../../support/fs/regular-file.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads a settings or certificate file of the user or the system: it may be a link, or `/dev/null` for none.
 * @throws as `readRegularFile`.
 */
export function readUserFile(path: string): Promise<Buffer> {
  return readRegularFile(path, { maxBytes: MAX_BYTES, links: 'follow' });
}
