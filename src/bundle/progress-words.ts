import { formatBytes, formatDuration } from '../support/text/format.ts';

/** Report at most this often, and at every tenth or after a longer time; logs are read later. */
const SAY_EVERY_MS = 1000;
const SAY_AFTER_MS = 10_000;
/** Until this share is done, the speed does not predict the rest. */
const MIN_PREDICTIVE_SHARE = 0.01;

/**
 * Reports the progress of a transfer (bytes, speed and time left) at every tenth, every ten seconds, and at
 * the end.
 * @param nowMs any monotonic clock
 */
export function progressTeller(
  say: (text: string) => void,
  nowMs: () => number = () => performance.now(),
): (doneBytes: number, totalBytes: number) => void {
  const startedMs = nowMs();
  let saidMs = startedMs;
  let saidTenth = 0;
  return (doneBytes, totalBytes) => {
    const now = nowMs();
    const isEnd = doneBytes === totalBytes;
    const tenth = Math.floor((doneBytes / totalBytes) * 10);
    const isDue = tenth > saidTenth ? now - saidMs >= SAY_EVERY_MS : now - saidMs >= SAY_AFTER_MS;
    if (!isEnd && !isDue) return;
    saidMs = now;
    saidTenth = tenth;
    say(progressWords(doneBytes, totalBytes, now - startedMs));
  };
}

/** `40 %, 1.6 of 4 GB, 800 MB/s, 3.0 s left`. Pure. */
export function progressWords(doneBytes: number, totalBytes: number, elapsedMs: number): string {
  const percent = totalBytes === 0 ? 100 : Math.floor((doneBytes / totalBytes) * 100);
  const speed = elapsedMs > 0 ? doneBytes / elapsedMs : 0;
  const words = [`${percent} %`, `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`];
  if (speed > 0) words.push(`${formatBytes(speed * 1000)}/s`);
  const isPredictable = doneBytes >= totalBytes * MIN_PREDICTIVE_SHARE;
  if (speed > 0 && isPredictable && doneBytes < totalBytes)
    words.push(`${formatDuration((totalBytes - doneBytes) / speed)} left`);
  return words.join(', ');
}
