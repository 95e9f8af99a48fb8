import { Box } from 'ink';
import { useContext } from 'react';
import { formatCount, formatDuration } from '../src/support/text/format.ts';
import { failedChecks } from '../src/wizard/choices.ts';
import type { CheckState } from '../src/wizard/state.ts';
import { Cell, Gap, Ink, Line, Row } from './components/text.tsx';
import { type CheckRow, checkRows, labelColumns } from './layout/check-rows.ts';
import { checkRoom, isNarrow, isShort, type Size } from './layout/layout.ts';
import { GLYPH, ThemeContext } from './style/theme.ts';

export function CheckScreen({ state, size }: { state: CheckState; size: Size }) {
  const { homeDir } = useContext(ThemeContext);
  const rows = checkRows(state, size.columns, homeDir);
  const room = checkRoom(size);
  const first = Math.min(state.firstRow, Math.max(0, rows.length - room));
  const below = rows.length - first - room;
  return (
    <>
      <Row>
        <Cell isBold>
          <Verdict state={state} />
        </Cell>
        <Ink tone="faint">{countWords(state, isNarrow(size) && below > 0)}</Ink>
        {below > 0 ? <Ink tone="accent">{`  ${below} more ↓`}</Ink> : null}
      </Row>
      <Gap isHidden={isShort(size)} />
      {rows.slice(first, first + room).map((row) => (
        <CheckLine key={row.key} row={row} labelWidth={labelColumns(size.columns) - 2} />
      ))}
    </>
  );
}

function Verdict({ state }: { state: CheckState }) {
  if (state.isRunning) {
    return (
      <Ink>
        <Ink tone="accent">{GLYPH.running}</Ink>{' '}
        {state.checks.length === 0 && state.undone ? 'Switching' : 'Checking that everything works'}
      </Ink>
    );
  }
  const failed = failedChecks(state);
  if (failed > 0) {
    return (
      <Ink>
        <Ink tone="bad">{GLYPH.failed}</Ink> {formatCount(failed, 'check')} {failed === 1 ? 'needs' : 'need'}{' '}
        attention
      </Ink>
    );
  }
  return (
    <Ink>
      <Ink tone="good">{GLYPH.done}</Ink> {state.result ? 'ktx is ready' : 'Everything works'}
    </Ink>
  );
}

function countWords(state: CheckState, isShortOfRoom: boolean): string {
  if (isShortOfRoom) return '';
  if (state.isRunning) return formatDuration(Math.max(0, state.nowMs - state.startedAtMs));
  return `${formatCount(state.checks.length, 'check')} · ${formatDuration(state.durationMs)}`;
}

function CheckLine({ row, labelWidth }: { row: CheckRow; labelWidth: number }) {
  if (row.detail === '') {
    return (
      <Line tone="faint">
        {' '.repeat(row.indent)}
        <Ink tone={row.tone}>{row.glyph}</Ink> {row.label}
      </Line>
    );
  }
  return (
    <Row indent={row.indent}>
      <Cell width={2} tone={row.tone}>
        {row.glyph}
      </Cell>
      {row.label === '' ? null : (
        <Box flexShrink={0} paddingRight={1}>
          <Cell width={labelWidth - row.indent - 1} isBold={row.isHeading}>
            {row.label}
          </Cell>
        </Box>
      )}
      <Cell tone="faint">{row.detail}</Cell>
    </Row>
  );
}
