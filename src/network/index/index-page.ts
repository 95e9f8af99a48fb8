import { setImmediate } from 'node:timers/promises';
import { throwIfCancelled } from '../../support/errors.ts';
import {
  EntryTable,
  type IndexPage,
  newPageBudget,
  type PageBudget,
  PageLimitError,
  type PageParser,
} from './index-entries.ts';
import { pageFormat } from './simple-index.ts';

/** The largest project pages of the public index have 15 MB. */
export const MAX_PAGE_BYTES = 32 * 1024 * 1024;
/**
 * Few pages are longer. Bytes beyond it count against a limit for the whole run, so that an index that floods
 * is abandoned early.
 */
const COMMON_PAGE_BYTES = 4 * 1024 * 1024;
const MAX_LONG_BYTES = 64 * 1024 * 1024;
/** Parsing yields to the event loop after this long, so that signals are handled promptly. */
const MAX_SLICE_MS = 15;
const SLICE_BYTES = 32 * 1024;
/** A remainder up to this size is drained when the page is no longer needed: a new connection takes longer. */
const MAX_REST_BYTES = 256 * 1024;

/** Shared by all readers: many pages are read concurrently, and separate time slices would add up. */
let turnStartedAt = Number.NEGATIVE_INFINITY;
let turn: Promise<void> | null = null;

function nextTurn(): Promise<void> {
  turn ??= setImmediate().then(() => {
    turn = null;
    turnStartedAt = performance.now();
  });
  return turn;
}

/**
 * Parses an index page as it arrives. Time is linear in its length, memory is bounded, and the event loop
 * gets a turn every few milliseconds.
 * @param page.isEnough called after each chunk: once it returns true the rest is not read.
 * @returns `null` for a blank page, `unknown` for anything that is neither JSON nor HTML.
 * @throws PageLimitError; SyntaxError or ZodError when it violates its standard; CancelledError; errors of
 * `body`.
 */
export async function readIndexPage(
  body: AsyncIterable<Uint8Array>,
  page: {
    url: string;
    contentType: string | null;
    budget?: PageBudget;
    signal?: AbortSignal | undefined;
    isEnough?: (entries: EntryTable) => boolean;
  },
): Promise<IndexPage | 'unknown' | null> {
  const decoder = new TextDecoder();
  let reading: { format: IndexPage['format']; parser: PageParser } | null = null;
  const budget = page.budget ?? newPageBudget();
  let sizeBytes = 0;
  let enoughAtBytes: number | null = null;
  for await (const bytes of body) {
    sizeBytes += bytes.byteLength;
    if (sizeBytes > MAX_PAGE_BYTES)
      throw new PageLimitError(`is longer than ${MAX_PAGE_BYTES / 1024 / 1024} MB`);
    if (sizeBytes > COMMON_PAGE_BYTES) budget.longBytes += bytes.byteLength;
    if (budget.longBytes > MAX_LONG_BYTES)
      throw new PageLimitError(
        `is longer than ${COMMON_PAGE_BYTES / 1024 / 1024} MB, and so are too many others`,
      );
    if (enoughAtBytes !== null) {
      if (sizeBytes - enoughAtBytes > MAX_REST_BYTES) break;
      continue;
    }
    for (let at = 0; at < bytes.byteLength; at += SLICE_BYTES) {
      let text = decoder.decode(bytes.subarray(at, at + SLICE_BYTES), { stream: true });
      if (reading === null) {
        text = text.trimStart();
        if (text === '') continue;
        const format = pageFormat(page.contentType, text);
        if (format === null) return 'unknown';
        reading = { format, parser: await parserOf(format, page.url, budget) };
      }
      reading.parser.write(text);
      if (page.isEnough?.(reading.parser.soFar().entries)) {
        enoughAtBytes = sizeBytes;
        break;
      }
      if (performance.now() - turnStartedAt < MAX_SLICE_MS) continue;
      await nextTurn();
      throwIfCancelled(page.signal);
    }
  }
  if (reading === null) return null;
  if (enoughAtBytes !== null)
    return { format: reading.format, ...reading.parser.soFar(), isIndex: true, isPartial: true };
  const rest = decoder.decode();
  if (rest !== '') reading.parser.write(rest);
  return { format: reading.format, ...reading.parser.end(), isPartial: false };
}

async function parserOf(format: IndexPage['format'], url: string, budget: PageBudget): Promise<PageParser> {
  if (format === 'json') {
    const { createJsonPageParser } = await import('./index-page-json.ts');
    return createJsonPageParser(url, new EntryTable(budget));
  }
  const { createHtmlPageParser } = await import('./index-page-html.ts');
  return createHtmlPageParser(url, new EntryTable(budget));
}
