import type { NetworkProfile } from '../settings/profile.ts';

/** Over this time a source must send more than `MIN_WINDOW_BYTES`. */
const PACE_WINDOW_MS = 20_000;
/** 1 kB a second: slower than any link that people install over, faster than a server that only keeps the line open. */
const MIN_WINDOW_BYTES = 20_000;

/** Watches how fast the bodies of one run come, which share one link. */
export interface Pacer {
  /**
   * Hands a body on. Silence is another thing (the idle timeout): this is for the server that sends a byte a second. What ends within
   * a window is fast enough, however small; and where all bodies together come at the pace of a working link, none of them is to
   * blame for its share.
   * @param onSlow called once for each window that was too slow; what it throws ends the body.
   */
  paced(
    body: AsyncIterable<Uint8Array>,
    onSlow: (bytes: number, ms: number) => void,
  ): AsyncIterable<Uint8Array>;
}

export function createPacer(windowMs: number, now: () => number = () => performance.now()): Pacer {
  let totalBytes = 0;
  let activeCount = 0;

  async function* paced(body: AsyncIterable<Uint8Array>, onSlow: (bytes: number, ms: number) => void) {
    let startedAtMs = now();
    let bytes = 0;
    let totalBefore = totalBytes;
    activeCount++;
    try {
      for await (const chunk of body) {
        totalBytes += chunk.byteLength;
        bytes += chunk.byteLength;
        yield chunk;
        const elapsedMs = now() - startedAtMs;
        if (elapsedMs < windowMs) continue;
        const leastBytes = (MIN_WINDOW_BYTES * elapsedMs) / PACE_WINDOW_MS;
        const arrivedBytes = totalBytes - totalBefore;
        const isLinkBusy = arrivedBytes >= leastBytes && arrivedBytes / activeCount < leastBytes;
        if (bytes < leastBytes && !isLinkBusy) onSlow(bytes, elapsedMs);
        startedAtMs = now();
        bytes = 0;
        totalBefore = totalBytes;
      }
    } finally {
      activeCount--;
    }
  }
  return { paced };
}

/** Who is told to be less patient with silence is less patient with this too. */
export function paceWindowOf(profile: Pick<NetworkProfile, 'idleTimeoutMs'>): number {
  return Math.min(PACE_WINDOW_MS, profile.idleTimeoutMs ?? PACE_WINDOW_MS);
}
