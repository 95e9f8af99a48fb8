import type { DaemonAddress } from '../daemon/http/post-json.ts';
import { throwIfCancelled } from '../support/errors.ts';
import { askVectors } from './ask-vectors.ts';
import type { TextItem } from './read-texts.ts';

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
      const portion = items.slice(next, next + TEXTS_AT_ONCE);
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
