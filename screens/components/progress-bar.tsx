import { Box } from 'ink';
import { formatBytes, formatDuration } from '../../src/support/text/format.ts';
import { type InstallProgress, remainingMs, silentForMs } from '../../src/wizard/progress.ts';
import { shareOf } from '../style/words.ts';
import { Ink, Row } from './text.tsx';

const FULL = '━'.repeat(400);
const EMPTY = '─'.repeat(400);

/** The bytes of the whole transfer: counted by our own downloader, so exact. */
export function ProgressBar({ progress, nowMs }: { progress: InstallProgress; nowMs: number }) {
  const { totalBytes, doneBytes } = progress;
  if (totalBytes === null || totalBytes === 0) {
    const words =
      totalBytes === 0 ? 'Everything is here already: nothing to download.' : bytesWords(progress);
    return (
      <Row>
        <Ink tone="faint">{words}</Ink>
      </Row>
    );
  }
  const percent = Math.min(100, (doneBytes / totalBytes) * 100);
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
      <Box flexShrink={0} paddingLeft={2}>
        <Ink>{transferWords(progress, nowMs)}</Ink>
      </Box>
    </Row>
  );
}

function bytesWords(progress: InstallProgress): string {
  return progress.doneBytes === 0 ? '' : formatBytes(progress.doneBytes);
}

/** Whole seconds: a tenth of a guess is no news. */
function leftWords(leftMs: number): string {
  const seconds = Math.max(1, Math.round(leftMs / 1000));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}

/** `98 of 176 MB  8.4 MB/s  9 s left`; what is not known is not said. */
function transferWords(progress: InstallProgress, nowMs: number): string {
  const total = progress.totalBytes ?? 0;
  if (progress.doneBytes >= total) return `${formatBytes(total)} fetched`;
  const silentMs = silentForMs(progress, nowMs);
  const parts = [shareOf(progress.doneBytes, total)];
  if (silentMs !== null) return [...parts, `nothing has arrived for ${formatDuration(silentMs)}`].join('  ');
  if (progress.bytesPerSecond !== null && progress.bytesPerSecond >= 1) {
    parts.push(`${formatBytes(progress.bytesPerSecond)}/s`);
  }
  const leftMs = remainingMs(progress, nowMs);
  if (leftMs !== null) parts.push(`${leftWords(leftMs)} left`);
  return parts.join('  ');
}
