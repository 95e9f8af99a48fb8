import { Box } from 'ink';
import { useContext } from 'react';
import type { PlanRow, PlanSummary } from '../src/core/events.ts';
import { said, saidValue, t, translatable } from '../src/language/translate.ts';
import { formatBytes, formatDuration } from '../src/support/text/format.ts';
import { type Choice, type PlanChoice, planChoices } from '../src/wizard/choices.ts';
import type { PlanState } from '../src/wizard/state.ts';
import { ChoiceRow } from './components/choices.tsx';
import { Cell, Gap, Ink, Line, Paragraph, Pinned, Row } from './components/text.tsx';
import { contentColumns, isNarrow, isShort, type Size as WindowSize } from './layout/layout.ts';
import { planRoom, REASON_INDENT } from './layout/plan-layout.ts';
import { GLYPH, ThemeContext, type Tone, usePath } from './style/theme.ts';

export function PlanScreen({ state, size }: { state: PlanState; size: WindowSize }) {
  return state.summary === null ? (
    <Probing state={state} />
  ) : (
    <Plan state={state} summary={state.summary} size={size} />
  );
}

function Probing({ state }: { state: PlanState }) {
  const latest = state.activity.at(-1);
  return (
    <>
      <Row>
        <Cell width={2} tone="accent">
          {GLYPH.running}
        </Cell>
        <Cell isBold>{t`Finding download sources`}</Cell>
        <Ink tone="faint">{saidValue(formatDuration(state.nowMs - state.startedAtMs))}</Ink>
      </Row>
      <Gap />
      {state.activity.map((text) => (
        <Line key={text} tone={text === latest ? 'plain' : 'faint'}>
          {'  '}
          {said(text)}
        </Line>
      ))}
    </>
  );
}

const ACTION: Record<PlanRow['action'], { glyph: string; tone: Tone }> = {
  here: { glyph: GLYPH.done, tone: 'good' },
  fetch: { glyph: GLYPH.fetch, tone: 'accent' },
  make: { glyph: GLYPH.make, tone: 'accent' },
};

const SHORT: Partial<Record<PlanChoice, string>> = {
  sources: translatable('Sources'),
  bundle: translatable('Bundle'),
};

/** Shortens the labels to fit four choices into forty columns. */
function shortened({ id, label }: Choice<PlanChoice>): Choice<PlanChoice> {
  return { id, label: said(SHORT[id] ?? label) };
}

const LABEL_COLUMNS = 18;
/** From this width on the origin of a setting is shown too: `your package index (PIP_INDEX_URL)`. */
const WIDE_COLUMNS = 110;

function Plan({ state, summary, size }: { state: PlanState; summary: PlanSummary; size: WindowSize }) {
  const { homeDir } = useContext(ThemeContext);
  const room = planRoom(summary, { runtimeRoot: state.overview.runtimeRoot, homeDir }, size);
  const hasMore = room.isConsentWhole && room.more !== '';
  // Four choices fill a narrow row, so the mark stands where the table ends.
  const isMarkedInTable = hasMore && isNarrow(size) && room.rowCount > 0;
  const choices = (
    <>
      {room.isConsentWhole ? null : <Line tone="warning">{t`${room.more}: enlarge to agree`}</Line>}
      <ChoiceRow
        choices={isNarrow(size) ? planChoices(state).map(shortened) : planChoices(state)}
        cursor={state.cursor}
        columns={contentColumns(size)}
        gap={isNarrow(size) ? 1 : 4}
        more={!hasMore || isMarkedInTable ? '' : isNarrow(size) ? 'n …' : `${room.more} (n)`}
      />
    </>
  );
  return (
    <Pinned bottom={choices} isTight={isShort(size)}>
      {room.hasHeading ? <Heading size={size} /> : null}
      {summary.rows.slice(0, room.rowCount).map((row, index) => (
        <TableRow
          key={row.id}
          row={row}
          size={size}
          mark={isMarkedInTable && index === room.rowCount - 1 ? 'n …' : ''}
        />
      ))}
      <Gap isHidden={!room.hasGap} />
      {[room.bytes, room.hosts, ...room.notes, room.verdict].map((lines) =>
        lines.length === 0 ? null : <Paragraph key={lines.join(' ')}>{lines.join('\n')}</Paragraph>,
      )}
      <PassedOver reasons={room.reasons} />
    </Pinned>
  );
}

function TableRow({ row, size, mark }: { row: PlanRow; size: WindowSize; mark: string }) {
  return (
    <Row>
      <Cell width={2} tone={ACTION[row.action].tone}>
        {ACTION[row.action].glyph}
      </Cell>
      {isNarrow(size) ? (
        <>
          <Cell>{said(row.label)}</Cell>
          <Ink tone="faint">{mark}</Ink>
        </>
      ) : (
        <>
          <Cell width={LABEL_COLUMNS}>{said(row.label)}</Cell>
          {row.from === '' ? null : <From size={size}>{said(row.from)}</From>}
          <Cell cut="middle">
            <Place path={row.place} />
          </Cell>
        </>
      )}
      <Size>{rowSize(row)}</Size>
    </Row>
  );
}

function Heading({ size }: { size: WindowSize }) {
  return (
    <Row>
      <Cell width={2 + LABEL_COLUMNS} isBold>
        {t`What will happen`}
      </Cell>
      {isNarrow(size) ? null : <From size={size}>{t`from`}</From>}
      <Cell> </Cell>
      <Size isFaint>{t`size`}</Size>
    </Row>
  );
}

/** The source of a row: always separated by a gap, and complete on a wide terminal. */
function From({ children, size }: { children: string; size: WindowSize }) {
  return (
    <Box width={size.columns >= WIDE_COLUMNS ? 38 : 22} paddingRight={2} flexShrink={0}>
      <Cell tone="faint">{children}</Cell>
    </Box>
  );
}

/** Sources that the plan does without: last and faint, since nothing needs them. */
function PassedOver({ reasons }: { reasons: readonly (readonly string[])[] }) {
  return reasons.map((lines) => (
    <Box key={lines.join(' ')} width="100%" paddingLeft={REASON_INDENT - 2} flexShrink={0}>
      <Box width={2} flexShrink={0}>
        <Ink tone="faint">·</Ink>
      </Box>
      <Box flexGrow={1} flexShrink={1} flexBasis={0}>
        <Paragraph tone="faint">{lines.join('\n')}</Paragraph>
      </Box>
    </Box>
  ));
}

function Place({ path }: { path: string }) {
  return usePath(path);
}

/** Fits its text; the source next to it gets the rest. */
function Size({ children, isFaint = false }: { children: string; isFaint?: boolean }) {
  return (
    <Box flexShrink={0} paddingLeft={2}>
      <Ink tone={isFaint ? 'faint' : 'plain'}>{children}</Ink>
    </Box>
  );
}

function rowSize(row: PlanRow): string {
  if (row.action === 'here') return '–';
  if (row.action === 'make') return row.diskBytes === null ? '' : t`${formatBytes(row.diskBytes)} on disk`;
  return row.downloadBytes === null ? t`size unknown` : saidValue(formatBytes(row.downloadBytes));
}
