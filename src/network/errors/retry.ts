import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError } from '../../support/errors.ts';
import { NetworkFailure } from './network-failure.ts';

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;
/** A longer `Retry-After` counts as a failure: the user is waiting. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Delay before the next attempt after `failedCount` failures in a row: the host's `Retry-After`, else
 * exponential backoff with jitter, so that a fleet does not retry in lockstep. `null`: a retry is pointless.
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

/** Sleeps. @throws CancelledError as soon as the signal fires. */
export async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(delayMs, undefined, signal ? { signal } : {});
  } catch {
    throw new CancelledError();
  }
}
