import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { jsonText, writeFileAtomic } from '../../support/fs/atomic-file.ts';
import { readRegularText } from '../../support/fs/regular-file.ts';
import { EntryTable, type IndexEntry } from './index-entries.ts';

/** What a run found in a page, for the next run: a host that says that the page is still the same need not send it again. */
export interface KeptPage {
  etag: string;
  /** What relative addresses in it are relative to. */
  baseUrl: string;
  /** Those that were wanted. */
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

/** Pages by the digest of their address: an address may say more of a network than a list on a disk should. */
export function keyOfPage(url: string): string {
  return createHash('sha256').update(url).digest('hex');
}

/** `uv/index-pages.json`. What is not as it was written is as good as nothing. */
export async function readKeptPages(path: string): Promise<KeptPages> {
  const text = await readRegularText(path, { maxBytes: MAX_BYTES }).catch(() => '');
  try {
    return new Map(Object.entries(fileSchema.parse(JSON.parse(text)).pages));
  } catch {
    return new Map();
  }
}

/** Needs write access. A failure is none: the next plan reads the pages. */
export async function writeKeptPages(path: string, pages: KeptPages): Promise<void> {
  const text = jsonText({ schemaVersion: 1, pages: Object.fromEntries(pages) });
  await writeFileAtomic(path, text, 0o600, { isDurable: false }).catch(() => {});
}

/** What is worth keeping of a page; `null` for nothing, and where an address may hold a secret or end soon. */
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
