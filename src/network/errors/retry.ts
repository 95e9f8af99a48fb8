import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError } from '../../support/errors.ts';
import { NetworkFailure } from './network-failure.ts';

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;
/** A host that wants to be left alone for longer than this has lost: nobody waits in front of a screen for it. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * How long to wait before the next attempt after `failedCount` in a row: what the host asks for, else twice as long each time, with
 * jitter so that a fleet does not come back as one. `null`: it is of no use to try again.
 */
export function retryDelayMs(
  failure: unknown,
  failedCount: number,
  retries: number,
  random: () => number = Math.random,
): number | null {
  if (!(failure instanceof NetworkFailure) || !failure.isTransient || failedCount > retries) return null;
  if (failure.retryAfterMs !== null) {
    return failure.retryAfterMs <= MAX_RETRY_AFTER_MS ? failure.retryAfterMs : null;
  }
  const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (failedCount - 1));
  return Math.round(longest * (0.5 + random() / 2));
}

/** Waits. @throws CancelledError as soon as the signal fires. */
export async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal ? { signal } : {});
  } catch {
    throw new CancelledError();
  }
}
