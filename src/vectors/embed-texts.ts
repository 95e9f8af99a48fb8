import type { DaemonAddress } from '../daemon/http/post-json.ts';
import { throwIfCancelled } from '../support/errors.ts';
import { askVectors } from './ask-vectors.ts';
import { jsonBytes, MAX_TEXT_BYTES, type TextItem } from './read-texts.ts';

/** Small enough to show progress and lose little when killed; large enough to keep the engine busy. */
const TEXTS_AT_ONCE = 32;
/** While one request is computed, the next one waits in the daemon's queue. */
const REQUESTS_AT_ONCE = 2;

/**
 * Embeds the items from `start` on; `onVectors` gets them in order, in batches.
 * @throws errors of `onVectors` and the daemon; CancelledError.
 */
export async function embedTexts(
  daemon: DaemonAddress,
  items: readonly TextItem[],
  start: number,
  onVectors: (items: readonly TextItem[], vectors: readonly Buffer[]) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const waiting: { portion: readonly TextItem[]; vectors: Promise<Buffer[]> }[] = [];
  let next = start;
  while (next < items.length || waiting.length > 0) {
    throwIfCancelled(signal);
    while (next < items.length && waiting.length < REQUESTS_AT_ONCE) {
      const portion = portionFrom(items, next);
      const vectors = askVectors(
        daemon,
        portion.map(({ text }) => text),
        signal,
      );
      // Awaited later; until then a rejection must not count as unhandled.
      vectors.catch(() => {});
      waiting.push({ portion, vectors });
      next += portion.length;
    }
    const { portion, vectors } = waiting.shift()!;
    await onVectors(portion, await vectors);
  }
}

/** The texts of the next request: a few, and no more than the daemon takes in one body. */
function portionFrom(items: readonly TextItem[], start: number): readonly TextItem[] {
  let end = start;
  let bytes = 0;
  while (end < items.length && end - start < TEXTS_AT_ONCE) {
    bytes += jsonBytes(items[end]!.text);
    if (bytes > MAX_TEXT_BYTES && end > start) break;
    end++;
  }
  return items.slice(start, end);
}
