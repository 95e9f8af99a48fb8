import type { NetworkProfile } from '../settings/profile.ts';

/** Over this time a source must send more than `MIN_WINDOW_BYTES`. */
const PACE_WINDOW_MS = 20_000;
/** 1 kB a second: slower than any link that people install over, faster than a server that only keeps the line open. */
const MIN_WINDOW_BYTES = 20_000;

/**
 * Hands a body on and watches how fast it comes. Silence is another thing (the idle timeout): this is for the server that sends a byte
 * a second. What ends within a window is fast enough, however small.
 * @param onSlow called once for each window that was too slow; what it throws ends the body.
 */
export async function* paced(
  body: AsyncIterable<Uint8Array>,
  windowMs: number,
  onSlow: (bytes: number, ms: number) => void,
): AsyncIterable<Uint8Array> {
  let startedAtMs = performance.now();
  let bytes = 0;
  for await (const chunk of body) {
    yield chunk;
    bytes += chunk.byteLength;
    const elapsedMs = performance.now() - startedAtMs;
    if (elapsedMs < windowMs) continue;
    if (bytes < (MIN_WINDOW_BYTES * elapsedMs) / PACE_WINDOW_MS) onSlow(bytes, elapsedMs);
    startedAtMs = performance.now();
    bytes = 0;
  }
}

/** Who is told to be less patient with silence is less patient with this too. */
export function paceWindowOf(profile: Pick<NetworkProfile, 'idleTimeoutMs'>): number {
  return Math.min(PACE_WINDOW_MS, profile.idleTimeoutMs ?? PACE_WINDOW_MS);
}
