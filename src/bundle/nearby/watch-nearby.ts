import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, throwIfCancelled } from '../../support/errors.ts';
import type { NearbyBundle } from './judge-bundle.ts';

/** A change to a bundle that is being copied here. */
export type BundleNews =
  /** More of it has arrived. */
  | { type: 'arriving'; bundle: NearbyBundle }
  /** It has stopped growing and is incomplete. */
  | { type: 'stopped-short'; bundle: NearbyBundle }
  /** It cannot be used: a wrong part, another version or platform. */
  | { type: 'unusable'; bundle: NearbyBundle }
  | { type: 'usable'; bundle: NearbyBundle };

/** What the watcher remembers of each path. */
export type WatchMemory = ReadonlyMap<
  string,
  { bundle: NearbyBundle; sinceMs: number; said: BundleNews['type'] }
>;

/** A copy that has not grown for this long has ended, or its medium was removed. */
const STANDSTILL_MS = 5000;
const LOOK_EVERY_MS = 1000;

/** What is new since the last check. Pure. @param nowMs any monotonic clock */
export function newsOf(
  memory: WatchMemory,
  seen: readonly NearbyBundle[],
  nowMs: number,
): { memory: WatchMemory; news: BundleNews[] } {
  const next = new Map<string, { bundle: NearbyBundle; sinceMs: number; said: BundleNews['type'] }>();
  const news: BundleNews[] = [];
  for (const bundle of seen) {
    const before = memory.get(bundle.path);
    const isSame = before?.bundle.sizeBytes === bundle.sizeBytes && before.bundle.problem === bundle.problem;
    const sinceMs = isSame ? before.sinceMs : nowMs;
    const type = newsType(bundle, nowMs - sinceMs);
    if (!isSame || before.said !== type) news.push({ type, bundle });
    next.set(bundle.path, { bundle, sinceMs, said: type });
  }
  return { memory: next, news };
}

function newsType({ state }: NearbyBundle, unchangedMs: number): BundleNews['type'] {
  if (state === 'usable') return 'usable';
  if (state !== 'incomplete') return 'unusable';
  return unchangedMs >= STANDSTILL_MS ? 'stopped-short' : 'arriving';
}

/**
 * Waits for a usable bundle and reports progress: one that is being copied, that stopped short, or that is
 * the wrong one.
 * @param look such as `findBundlesNearby`, with the media mounted at that moment
 * @throws CancelledError when the signal fires.
 */
export async function watchForBundle(options: {
  look: () => Promise<readonly NearbyBundle[]>;
  onNews: (news: BundleNews) => void;
  signal?: AbortSignal;
  lookEveryMs?: number;
}): Promise<NearbyBundle> {
  const { look, onNews, signal, lookEveryMs = LOOK_EVERY_MS } = options;
  let memory: WatchMemory = new Map();
  for (;;) {
    throwIfCancelled(signal);
    const round = newsOf(memory, await look(), performance.now());
    memory = round.memory;
    for (const each of round.news) onNews(each);
    const usable = round.news.find(({ type }) => type === 'usable');
    if (usable) return usable.bundle;
    await sleep(lookEveryMs, undefined, signal ? { signal } : {}).catch(() => {
      throw new CancelledError();
    });
  }
}
