import { Box } from 'ink';
import { said, saidValue, t, translatable } from '../src/language/translate.ts';
import type { LogSnapshot } from '../src/present/log-store.ts';
import { formatBytes, formatDuration } from '../src/support/text/format.ts';
import { STOP_CHOICES } from '../src/wizard/choices.ts';
import { cutName, NAME_COLUMNS, SIZE_COLUMNS } from '../src/wizard/log-lines.ts';
import {
  activeTransfers,
  currentStep,
  type InstallProgress,
  type InstallStep,
  type StepProgress,
  stepDetail,
} from '../src/wizard/progress/progress.ts';
import type { InstallingState } from '../src/wizard/state.ts';
import { ChoiceRow } from './components/choices.tsx';
import { LogView } from './components/log-view.tsx';
import { ProgressBar } from './components/progress-bar.tsx';
import { Cell, Gap, Ink, Line, Paragraph, Row } from './components/text.tsx';
import {
  contentColumns,
  isAiry,
  isNarrow,
  isShort,
  logWindow,
  type Size,
  stopQuestionLines,
  transferRows,
} from './layout/layout.ts';
import { GLYPH, type Tone } from './style/theme.ts';
import { shareOf } from './style/words.ts';

const STEP_TITLE: Record<InstallStep, string> = {
  fetch: translatable('Fetch'),
  python: 'Python',
  packages: translatable('Packages'),
  prove: translatable('Prove it works'),
  switch: translatable('Switch over'),
};

interface InstallProps {
  state: InstallingState;
  size: Size;
  log: LogSnapshot;
}

export function InstallScreen({ state, size, log }: InstallProps) {
  const { progress } = state;
  const steps = isShort(size) ? [currentStep(progress)] : progress.steps;
  return (
    <>
      {state.isLogFull
        ? null
        : steps.map((step) => (
            <StepRow key={step.step} step={step} progress={progress} nowMs={state.nowMs} />
          ))}
      <Gap isHidden={state.isLogFull || !isAiry(size)} />
      {state.stopQuestion || state.isStopping ? (
        <StopQuestion state={state} size={size} />
      ) : state.isLogFull ? null : (
        <ProgressBar progress={progress} nowMs={state.nowMs} isNarrow={isNarrow(size)} />
      )}
      <Gap isHidden={state.isLogFull || !isAiry(size)} />
      <LogView
        log={log}
        position={state.log}
        view={logWindow(state, size, log)}
        columns={contentColumns(size)}
        isWrapped={state.isWrapped}
        find={state.find}
      />
      <Transfers progress={progress} rows={transferRows(state, size)} />
    </>
  );
}

/** Files in transfer, below the finished ones. */
function Transfers({ progress, rows }: { progress: InstallProgress; rows: number }) {
  const shown = activeTransfers(progress).slice(0, rows);
  return shown.map(({ name, doneBytes, totalBytes }) => (
    <Row key={name}>
      <Cell width={2} tone="accent">
        {totalBytes !== null && doneBytes >= totalBytes ? GLYPH.running : GLYPH.fetch}
      </Cell>
      <Box width={NAME_COLUMNS + 1 + SIZE_COLUMNS} flexShrink={0}>
        <Cell>{cutName(name)}</Cell>
        <Box flexShrink={0} paddingLeft={1}>
          <Ink tone="faint">
            {totalBytes === null ? saidValue(formatBytes(doneBytes)) : shareOf(doneBytes, totalBytes)}
          </Ink>
        </Box>
      </Box>
    </Row>
  ));
}

const STEP_MARK: Record<StepProgress['status'], { glyph: string; tone: Tone }> = {
  waiting: { glyph: GLYPH.later, tone: 'faint' },
  running: { glyph: GLYPH.running, tone: 'accent' },
  finished: { glyph: GLYPH.done, tone: 'good' },
  failed: { glyph: GLYPH.failed, tone: 'bad' },
};

function StepRow(props: { step: StepProgress; progress: InstallProgress; nowMs: number }) {
  const { step, progress, nowMs } = props;
  const { glyph, tone } = STEP_MARK[step.status];
  const isRunning = step.status === 'running';
  const tookMs =
    step.durationMs ??
    (isRunning && step.startedAtMs !== null ? Math.max(0, nowMs - step.startedAtMs) : null);
  return (
    <Row>
      <Cell width={2} tone={tone}>
        {glyph}
      </Cell>
      <Cell width={16} isBold={isRunning} tone={step.status === 'waiting' ? 'faint' : 'plain'}>
        {said(STEP_TITLE[step.step])}
      </Cell>
      <Cell tone={isRunning ? 'plain' : 'faint'}>{said(stepDetail(progress, step))}</Cell>
      <Box flexShrink={0} paddingLeft={1}>
        <Ink tone="faint">{tookMs === null ? '' : saidValue(formatDuration(tookMs))}</Ink>
      </Box>
    </Row>
  );
}

/** Takes the row of the bar, so that it is in view and nothing moves. */
function StopQuestion({ state, size }: { state: InstallingState; size: Size }) {
  if (state.stopQuestion === null || state.isStopping) {
    return <Line tone="warning">{t`Stopping: running tasks finish first …`}</Line>;
  }
  return (
    <>
      <Paragraph tone="warning" isBold>
        {stopQuestionLines(size).join('\n')}
      </Paragraph>
      <ChoiceRow choices={STOP_CHOICES} cursor={state.stopQuestion.cursor} columns={contentColumns(size)} />
    </>
  );
}
