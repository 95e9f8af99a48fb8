import { Box } from 'ink';
import type { LogSnapshot } from '../src/present/log-store.ts';
import { formatDuration } from '../src/support/format.ts';
import { failureChoices } from '../src/wizard/choices.ts';
import type { FailureState } from '../src/wizard/state.ts';
import { ChoiceList } from './components/choices.tsx';
import { LogView } from './components/log-view.tsx';
import { Gap, Ink, Line, Paragraph, Pinned } from './components/text.tsx';
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
      <Gap isHidden={isTight} />
      <Box flexDirection="column" width="100%" flexShrink={0} paddingLeft={2}>
        {report.evidence.map((fact) => (
          <Paragraph key={fact}>{fact}</Paragraph>
        ))}
        <Gap isHidden={isTight || report.evidence.length === 0} />
        <NextSteps steps={isTight ? report.nextSteps.slice(0, 1) : report.nextSteps} />
        <Paragraph>{report.untouched}</Paragraph>
        {state.hasLog && logPath !== '' ? <Line tone="faint" cut="middle">{`Log: ${logPath}`}</Line> : null}
      </Box>
    </Pinned>
  );
}

function NextSteps({ steps }: { steps: readonly string[] }) {
  if (steps.length === 0) return null;
  return (
    <>
      <Line>What you can do:</Line>
      {steps.map((step) => (
        <Box key={step} width="100%" paddingLeft={2} flexShrink={0}>
          <Box width={2} flexShrink={0}>
            <Ink tone="accent">{GLYPH.pointer}</Ink>
          </Box>
          <Box flexGrow={1} flexShrink={1} flexBasis={0}>
            <Paragraph>{step}</Paragraph>
          </Box>
        </Box>
      ))}
      <Gap />
    </>
  );
}

/** `step 1 of 5 · after 12 s` */
function whereWords(state: FailureState): string {
  const after = `after ${formatDuration(state.elapsedMs)}`;
  const index = state.progress?.steps.findIndex((step) => step.status === 'failed') ?? -1;
  if (index === -1 || !state.progress) return state.elapsedMs === 0 ? '' : after;
  return `step ${index + 1} of ${state.progress.steps.length} · ${after}`;
}
