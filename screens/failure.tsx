import { Box } from 'ink';
import { said, t } from '../src/language/translate.ts';
import type { LogSnapshot } from '../src/present/log-store.ts';
import { columnsOf } from '../src/support/text/columns.ts';
import { failureChoices } from '../src/wizard/choices.ts';
import type { FailureState } from '../src/wizard/state.ts';
import { ChoiceList } from './components/choices.tsx';
import { TextField } from './components/field.tsx';
import { LogView } from './components/log-view.tsx';
import { Gap, Ink, Line, Paragraph, Pinned } from './components/text.tsx';
import { choicesAround, scrollWords } from './layout/choices-around.ts';
import { type FailureLayout, failureLayout } from './layout/failure-layout.ts';
import { contentColumns, isNarrow, isShort, logWindow, type Size } from './layout/layout.ts';
import { GLYPH, usePath } from './style/theme.ts';

interface FailureProps {
  state: FailureState;
  size: Size;
  log: LogSnapshot;
}

export function FailureScreen({ state, size, log }: FailureProps) {
  const logPath = usePath(state.logPath ?? '');
  if (state.log)
    return (
      <LogView
        log={log}
        position={state.log}
        view={logWindow(state, size, log)}
        columns={contentColumns(size)}
        isEnded
      />
    );
  const room = failureLayout(state, size);
  const omitted = moreWords(room, size);
  const free = contentColumns(size) - (omitted === '' ? 0 : columnsOf(omitted) + 2);
  const shown = choicesAround(failureChoices(state), state.cursor, room.choiceRows * room.choiceColumns);
  const choices = state.field ? (
    <TextField field={state.field.field} columns={contentColumns(size)} isBusy={state.mendingId !== null} />
  ) : (
    <ChoiceList
      choices={shown.choices}
      cursor={shown.cursor}
      columns={room.choiceColumns}
      more={[scrollWords(shown, free), omitted].filter(Boolean).join('  ')}
    />
  );
  return (
    <Pinned bottom={choices} isTight={isShort(size)}>
      <Box width="100%" flexShrink={0}>
        <Box width={2} flexShrink={0}>
          <Ink tone="bad">{GLYPH.failed}</Ink>
        </Box>
        <Box flexGrow={1} flexShrink={1} flexBasis={0}>
          <Paragraph isBold>{room.title.join('\n')}</Paragraph>
        </Box>
        {room.where === '' ? null : (
          <Box flexShrink={0} paddingLeft={2}>
            <Ink tone="faint">{room.where}</Ink>
          </Box>
        )}
      </Box>
      <Gap isHidden={!room.hasGapBelowTitle} />
      <Box flexDirection="column" width="100%" flexShrink={0} paddingLeft={2}>
        {room.evidence.length > 0 ? <Paragraph>{room.evidence.join('\n')}</Paragraph> : null}
        <Gap isHidden={!room.hasGapBelowEvidence} />
        {room.hasHeading ? <Line>{t`What you can do:`}</Line> : null}
        <NextSteps steps={room.steps} indent={isNarrow(size) ? 0 : 2} />
        <Gap isHidden={!room.hasGapBelowSteps} />
        {state.notice === null ? null : <Paragraph>{said(state.notice)}</Paragraph>}
        {room.untouched.length > 0 ? <Paragraph>{room.untouched.join('\n')}</Paragraph> : null}
        {room.hasLog ? <Line tone="faint" cut="middle">{t`Log: ${logPath}`}</Line> : null}
      </Box>
    </Pinned>
  );
}

/** Not the pointer: these cannot be selected. */
const STEP_MARK = '·';

function NextSteps({ steps, indent }: { steps: FailureLayout['steps']; indent: number }) {
  return steps.map((lines) => (
    <Box key={lines.join(' ')} width="100%" paddingLeft={indent} flexShrink={0}>
      <Box width={2} flexShrink={0}>
        <Ink tone="faint">{STEP_MARK}</Ink>
      </Box>
      <Box flexDirection="column" flexGrow={1} flexShrink={1} flexBasis={0}>
        <Paragraph>{lines.join('\n')}</Paragraph>
      </Box>
    </Box>
  ));
}

/** From this width on it fits next to the choices in two columns. */
const MORE_COLUMNS = 58;

/** Leaving the screen prints everything. */
function moreWords({ hiddenCount }: FailureLayout, size: Size): string {
  if (hiddenCount === 0) return '';
  return size.columns < MORE_COLUMNS
    ? t`… ${hiddenCount} more on quit`
    : t`… ${hiddenCount} more, shown when you leave`;
}
