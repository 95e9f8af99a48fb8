import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { jsonText, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { EntryTable, type IndexEntry } from './index-entries.ts';

/**
 * What a run found in a page, cached for the next: if the host answers "not modified", it need not send the
 * page again.
 */
export interface KeptPage {
  etag: string;
  /** Base of relative addresses. */
  baseUrl: string;
  /** Only the entries that were wanted. */
  entries: readonly IndexEntry[];
}

/** By `keyOfPage`. */
export type KeptPages = ReadonlyMap<string, KeptPage>;

const MAX_BYTES = 4 * 1024 * 1024;

const entrySchema = z.object({
  file: z.string(),
  href: z.string(),
  sha256: z.string().check(z.regex(/^[a-f0-9]{64}$/)),
  sizeBytes: z.nullable(z.int()),
});
const fileSchema = z.object({
  schemaVersion: z.literal(1),
  pages: z.record(
    z.string(),
    z.object({ etag: z.string(), baseUrl: z.string(), entries: z.array(entrySchema) }),
  ),
});

/** Pages are keyed by the digest of their address: an address may reveal too much about a network. */
export function keyOfPage(url: string): string {
  return createHash('sha256').update(url).digest('hex');
}

/** Reads `uv/index-pages.json`. A corrupt file counts as empty. */
export async function readKeptPages(path: string): Promise<KeptPages> {
  const text = await readRegularText(path, { maxBytes: MAX_BYTES }).catch(() => '');
  try {
    return new Map(Object.entries(fileSchema.parse(JSON.parse(text)).pages));
  } catch {
    return new Map();
  }
}

/** Requires write access. A failure is ignored: the next plan reads the pages again. */
export async function writeKeptPages(path: string, pages: KeptPages): Promise<void> {
  const text = jsonText({ schemaVersion: 1, pages: Object.fromEntries(pages) });
  await writeFileAtomic(path, text, 0o600, { isDurable: false }).catch(() => {});
}

/** The cacheable part of a page; `null` if there is none, or an address may hold a secret or expire soon. */
export function keptPageOf(
  etag: string | undefined,
  baseUrl: string,
  entries: readonly IndexEntry[],
): KeptPage | null {
  if (etag === undefined || entries.length === 0) return null;
  const hasPlainAddress = (text: string) => !/[?@]/.test(text);
  return [baseUrl, ...entries.map(({ href }) => href)].every(hasPlainAddress)
    ? { etag, baseUrl, entries }
    : null;
}

export function tableOf({ entries }: KeptPage): EntryTable {
  const table = new EntryTable();
  for (const entry of entries) table.add(entry);
  return table;
}
