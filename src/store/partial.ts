import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonText } from '../support/fs/atomic-file.ts';
import type { PartialOrigin } from './partial-schema.ts';

export type { PartialOrigin };

/** What arrived of an artefact before its transfer broke off. */
export interface PartialFile {
  sizeBytes: number;
  /** `null` when nobody wrote it down, or it cannot be read: the digest decides in the end. */
  origin: PartialOrigin | null;
}

/** The files `<sha256>.partial`, and `<sha256>.partial.json` beside each. */
export function partialStore(storeDir: string) {
  const pathOf = (sha256: string) => join(storeDir, `${sha256}.partial`);
  const originPathOf = (sha256: string) => `${pathOf(sha256)}.json`;

  async function discard(sha256: string): Promise<void> {
    await rm(pathOf(sha256), { force: true });
    await rm(originPathOf(sha256), { force: true });
  }

  return {
    pathOf,
    discard,
    /** Before the first byte: a partial file whose origin is another one's would be continued with the wrong condition. */
    async begin(sha256: string, origin: PartialOrigin | null): Promise<void> {
      await discard(sha256);
      // Neither synced nor renamed into place: a torn note is as good as none, and syncing costs more than small files.
      if (origin) await writeFile(originPathOf(sha256), jsonText(origin), { mode: 0o600 });
    },
    /** `null` when there is none, or an empty one. */
    async read(sha256: string): Promise<PartialFile | null> {
      const status = await stat(pathOf(sha256)).catch(() => null);
      if (!status?.isFile() || status.size === 0) return null;
      return { sizeBytes: status.size, origin: await readOrigin(originPathOf(sha256)) };
    },
  };
}

async function readOrigin(path: string): Promise<PartialOrigin | null> {
  try {
    const text = await readFile(path, 'utf8');
    // Loaded here: the first screen opens the store, and should not wait for zod.
    const { partialOriginSchema } = await import('./partial-schema.ts');
    return partialOriginSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
