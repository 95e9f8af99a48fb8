import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonText, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { clearPlace, readRegularText } from '../support/fs/regular-file.ts';
import type { PartialOrigin } from './partial-schema.ts';

export type { PartialOrigin };

/** What was received of an artefact before its transfer broke off. */
export interface PartialFile {
  sizeBytes: number;
  /** `null` when it was not recorded or cannot be read; the digest decides in the end. */
  origin: PartialOrigin | null;
}

const MAX_ORIGIN_BYTES = 64 * 1024;

/** The files `<sha256>.partial`, each with a `<sha256>.partial.json`. */
export function partialStore(storeDir: string) {
  const pathOf = (sha256: string) => join(storeDir, `${sha256}.partial`);
  const originPathOf = (sha256: string) => `${pathOf(sha256)}.json`;

  async function discard(sha256: string): Promise<void> {
    await clearPlace(pathOf(sha256));
    await clearPlace(originPathOf(sha256));
  }

  return {
    pathOf,
    discard,
    /**
     * Called before the first byte: with another transfer's origin, a partial file would be resumed under the
     * wrong condition.
     */
    async begin(sha256: string, origin: PartialOrigin | null): Promise<void> {
      await discard(sha256);
      // Not synced: a torn note is treated as missing, and syncing costs more than a small download.
      if (origin) await writeFileAtomic(originPathOf(sha256), jsonText(origin), 0o600, { isDurable: false });
    },
    /** `null` when there is no partial file, or an empty one. */
    async read(sha256: string): Promise<PartialFile | null> {
      const status = await lstat(pathOf(sha256)).catch(() => null);
      if (!status?.isFile() || status.size === 0) return null;
      return { sizeBytes: status.size, origin: await readOrigin(originPathOf(sha256)) };
    },
  };
}

async function readOrigin(path: string): Promise<PartialOrigin | null> {
  try {
    const text = await readRegularText(path, { maxBytes: MAX_ORIGIN_BYTES });
    // Loaded on demand: the first screen opens the store and should not wait for zod.
    const { partialOriginSchema } = await import('./partial-schema.ts');
    return partialOriginSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
