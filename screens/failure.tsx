import { Box } from 'ink';
import type { LogSnapshot } from '../src/present/log-store.ts';
import { formatDuration } from '../src/support/format.ts';
import { failureChoices } from '../src/wizard/choices.ts';
import type { FailureState } from '../src/wizard/state.ts';
import { ChoiceList } from './components/choices.tsx';
import { LogView } from './components/log-view.tsx';
import { Gap, Ink, Line, Paragraph, Pinned } from './components/text.tsx';
import { type FailureRoom, failureRoom } from './failure-room.ts';
import { isShort, logWindow, type Size } from './layout.ts';
import { GLYPH, usePath } from './theme.ts';

interface FailureProps {
  state: FailureState;
  size: Size;
  log: LogSnapshot;
}

export function FailureScreen({ state, size, log }: FailureProps) {
  const logPath = usePath(state.logPath ?? '');
  const { report } = state;
  if (state.log) return <LogView log={log} position={state.log} view={logWindow(state, size, log)} />;
  const isTight = isShort(size);
  const room = failureRoom(state, size);
  return (
    <Pinned bottom={<ChoiceList choices={failureChoices(state)} cursor={state.cursor} />} isTight={isTight}>
      <Box width="100%" flexShrink={0}>
        <Box width={2} flexShrink={0}>
          <Ink tone="bad">{GLYPH.failed}</Ink>
        </Box>
        <Box flexGrow={1} flexShrink={1} flexBasis={0}>
          <Paragraph isBold>{report.title}</Paragraph>
        </Box>
        {isTight ? null : (
          <Box flexShrink={0} paddingLeft={2}>
            <Ink tone="faint">{whereWords(state)}</Ink>
          </Box>
        )}
      </Box>
      <Gap isHidden={room.gaps < 3} />
      <Box flexDirection="column" width="100%" flexShrink={0} paddingLeft={2}>
        {room.evidence.map((fact) => (
          <Paragraph key={fact}>{fact}</Paragraph>
        ))}
        <Gap isHidden={room.gaps < 1 || room.evidence.length === 0} />
        {room.hasHeading ? <Line>What you can do:</Line> : null}
        <NextSteps steps={room.steps} />
        <Gap isHidden={room.gaps < 2 || room.steps.length === 0} />
        <Paragraph>{report.untouched}</Paragraph>
        {room.hasLog ? <Line tone="faint" cut="middle">{`Log: ${logPath}`}</Line> : null}
      </Box>
    </Pinned>
  );
}

function NextSteps({ steps }: { steps: FailureRoom['steps'] }) {
  return steps.map((lines) => (
    <Box key={lines.join(' ')} width="100%" paddingLeft={2} flexShrink={0}>
      <Box width={2} flexShrink={0}>
        <Ink tone="accent">{GLYPH.pointer}</Ink>
      </Box>
      <Box flexDirection="column" flexGrow={1} flexShrink={1} flexBasis={0}>
        {lines.map((line) => (
          <Paragraph key={line}>{line}</Paragraph>
        ))}
      </Box>
    </Box>
  ));
}

/** `step 1 of 5 · after 12 s` */
function whereWords(state: FailureState): string {
  const after = `after ${formatDuration(state.elapsedMs)}`;
  const index = state.progress?.steps.findIndex((step) => step.status === 'failed') ?? -1;
  if (index === -1 || !state.progress) return state.elapsedMs === 0 ? '' : after;
  return `step ${index + 1} of ${state.progress.steps.length} · ${after}`;
}
