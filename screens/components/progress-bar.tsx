import { Box } from 'ink';
import { saidValue, t } from '../../src/language/translate.ts';
import { formatBytes, formatDuration } from '../../src/support/text/format.ts';
import { remainingMs } from '../../src/wizard/progress/estimate.ts';
import { awaitedPlace, type InstallProgress, silentForMs } from '../../src/wizard/progress/progress.ts';
import { shareOf } from '../style/words.ts';
import { Cell, Ink, Row } from './text.tsx';

const FULL = '━'.repeat(400);
const EMPTY = '─'.repeat(400);
/** Fixed, so that changing numbers do not resize the bar. */
const WORDS_COLUMNS = 39;
const SHORT_WORDS_COLUMNS = 27;

/** One bar for all steps: bytes while fetching, expected time after that. */
export function ProgressBar({
  progress,
  nowMs,
  isNarrow,
}: {
  progress: InstallProgress;
  nowMs: number;
  isNarrow: boolean;
}) {
  const silentMs = silentForMs(progress, nowMs);
  if (silentMs !== null) {
    return (
      <Row>
        <Cell tone="warning">{silenceWords(progress, silentMs, isNarrow)}</Cell>
      </Row>
    );
  }
  const percent = Math.min(100, progress.share * 100);
  return (
    <Row>
      <Box flexGrow={1} flexShrink={1} flexBasis={0} height={1} overflow="hidden">
        <Box width={`${percent}%`} height={1} overflow="hidden" flexShrink={0}>
          <Box width={FULL.length} flexShrink={0}>
            <Ink tone="accent">{FULL}</Ink>
          </Box>
        </Box>
        <Box flexGrow={1} flexShrink={1} flexBasis={0} height={1} overflow="hidden">
          <Box width={EMPTY.length} flexShrink={0}>
            <Ink tone="faint">{EMPTY}</Ink>
          </Box>
        </Box>
      </Box>
      <Box flexShrink={0} paddingLeft={1}>
        <Cell width={isNarrow ? SHORT_WORDS_COLUMNS : WORDS_COLUMNS} align="end">
          {transferWords(progress, nowMs, isNarrow)}
        </Cell>
      </Box>
    </Row>
  );
}

/** After this long without data the transfer retries. */
const PATIENCE_MS = 30_000;

/** `nothing has arrived from pypi.acme.internal for 24 s, trying again in 6 s` */
function silenceWords(progress: InstallProgress, silentMs: number, isNarrow: boolean): string {
  const place = awaitedPlace(progress);
  const left = PATIENCE_MS - silentMs;
  const silent = leftWords(silentMs);
  if (isNarrow) return place === null ? t`nothing for ${silent}` : t`nothing from ${place} for ${silent}`;
  const nothing =
    place === null
      ? t`nothing has arrived for ${silent}`
      : t`nothing has arrived from ${place} for ${silent}`;
  return left >= 1000 ? t`${nothing}, trying again in ${leftWords(left)}` : t`${nothing}, trying again`;
}

/** Whole seconds, then whole minutes: the estimate is no more precise. */
function leftWords(leftMs: number): string {
  const seconds = Math.max(1, Math.round(leftMs / 1000));
  return seconds < 60 ? `${seconds} s` : formatDuration(Math.round(seconds / 60) * 60_000);
}

/** `98 of 176 MB  8.4 MB/s  9 s left`; unknown parts are omitted. */
function transferWords(progress: InstallProgress, nowMs: number, isNarrow: boolean): string {
  const { totalBytes, doneBytes, bytesPerSecond } = progress;
  const leftMs = remainingMs(progress, nowMs);
  const left = leftMs === null ? [] : [t`${leftWords(leftMs)} left`];
  if (totalBytes === 0) return [t`nothing to download`, ...left].join('  ');
  if (totalBytes === null) return doneBytes === 0 ? '' : saidValue(formatBytes(doneBytes));
  if (doneBytes >= totalBytes) return [t`${formatBytes(totalBytes)} fetched`, ...left].join('  ');
  const isMoving = !isNarrow && bytesPerSecond !== null && bytesPerSecond >= 1;
  const speed = isMoving ? [t`${formatBytes(bytesPerSecond)}/s`] : [];
  return [shareOf(doneBytes, totalBytes), ...speed, ...left].join('  ');
}
