import { formatBytes, formatDuration } from '../support/text/format.ts';

/** Nothing is said more often; a log is read later. */
const SAY_EVERY_MS = 1000;

/**
 * Tells how far a transfer is: bytes, speed and time left, at most once a second and once at its end.
 * @param nowMs any clock that does not go back
 */
export function progressTeller(
  say: (text: string) => void,
  nowMs: () => number = () => performance.now(),
): (doneBytes: number, totalBytes: number) => void {
  const startedMs = nowMs();
  let saidMs = startedMs;
  return (doneBytes, totalBytes) => {
    const now = nowMs();
    const isEnd = doneBytes === totalBytes;
    if (!isEnd && now - saidMs < SAY_EVERY_MS) return;
    saidMs = now;
    say(progressWords(doneBytes, totalBytes, now - startedMs));
  };
}

/** `40 %, 1.6 of 4 GB, 800 MB/s, 3.0 s left`. Pure. */
export function progressWords(doneBytes: number, totalBytes: number, elapsedMs: number): string {
  const percent = totalBytes === 0 ? 100 : Math.floor((doneBytes / totalBytes) * 100);
  const speed = elapsedMs > 0 ? doneBytes / elapsedMs : 0;
  const words = [`${percent} %`, `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`];
  if (speed > 0) words.push(`${formatBytes(speed * 1000)}/s`);
  if (speed > 0 && doneBytes < totalBytes)
    words.push(`${formatDuration((totalBytes - doneBytes) / speed)} left`);
  return words.join(', ');
}
