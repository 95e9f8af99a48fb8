import type { DaemonAddress } from '../daemon/http/post-json.ts';
import { throwIfCancelled } from '../support/errors.ts';
import { askVectors } from './ask-vectors.ts';
import type { TextItem } from './read-texts.ts';

/** Small enough that progress is seen and little is computed twice after a kill, large enough to keep the engine busy. */
const TEXTS_AT_ONCE = 32;
/** While one request is computed the next one waits at the daemon. */
const REQUESTS_AT_ONCE = 2;

/**
 * Embeds the items from `start` on; `onVectors` gets them in order, a portion at a time.
 * @throws whatever `onVectors` and the daemon say; CancelledError.
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
      // It is awaited in its turn; until then its failure is nobody's.
      vectors.catch(() => {});
      waiting.push({ portion, vectors });
      next += portion.length;
    }
    const { portion, vectors } = waiting.shift()!;
    await onVectors(portion, await vectors);
  }
}
