import type { NetworkProfile } from '../settings/profile.ts';

/** In this time a source must send more than `MIN_WINDOW_BYTES`. */
const PACE_WINDOW_MS = 20_000;
/** 1 kB/s: slower than any link used for installs, faster than a server that only keeps the connection open. */
const MIN_WINDOW_BYTES = 20_000;

/** Measures the throughput of all bodies of a run, which share one link. */
export interface Pacer {
  /**
   * Passes a body through. Silence is covered by the idle timeout; this catches the server that sends a byte
   * a second. A body that ends within one window is fast enough, however small; and if all bodies together
   * are fast enough, none is blamed for its share.
   * @param onSlow called once per window that was too slow; an error it throws ends the body.
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

/** A shorter idle timeout also shortens this window. */
export function paceWindowOf(profile: Pick<NetworkProfile, 'idleTimeoutMs'>): number {
  return Math.min(PACE_WINDOW_MS, profile.idleTimeoutMs ?? PACE_WINDOW_MS);
}
