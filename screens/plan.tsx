import { Box } from 'ink';
import type { PlanRow, PlanSummary } from '../src/support/events.ts';
import { formatBytes, formatCount, formatDuration } from '../src/support/format.ts';
import { planChoices } from '../src/wizard/choices.ts';
import type { PlanState } from '../src/wizard/state.ts';
import { ChoiceRow } from './components/choices.tsx';
import { Cell, Gap, Ink, Line, Paragraph, Pinned, Row } from './components/text.tsx';
import { isNarrow, isShort, type Size as WindowSize } from './layout.ts';
import { GLYPH, type Tone, usePath } from './theme.ts';

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
        <Cell isBold>Looking where everything can come from</Cell>
        <Ink tone="faint">{formatDuration(state.nowMs - state.startedAtMs)}</Ink>
      </Row>
      <Gap />
      {state.activity.map((text) => (
        <Line key={text} tone={text === latest ? 'plain' : 'faint'}>
          {'  '}
          {text}
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

const LABEL_COLUMNS = 18;
const SHOWN_REASONS = 2;
/** From here there is room for the hosts and the notes, which is what one agrees to. */
const CONSENT_ROWS = 14;
/** From here there is room for where a setting stands, too: `your package index (PIP_INDEX_URL)`. */
const WIDE_COLUMNS = 110;

function Plan({ state, summary, size }: { state: PlanState; summary: PlanSummary; size: WindowSize }) {
  const isCompact = isNarrow(size);
  const isTight = isShort(size);
  return (
    <Pinned bottom={<ChoiceRow choices={planChoices(state)} cursor={state.cursor} />} isTight={isTight}>
      {isTight ? null : <Heading size={size} />}
      {summary.rows.map((row) => (
        <Box key={row.id} flexDirection="column" width="100%" flexShrink={0}>
          <Row>
            <Cell width={2} tone={ACTION[row.action].tone}>
              {ACTION[row.action].glyph}
            </Cell>
            {isCompact ? (
              <Cell>{row.label}</Cell>
            ) : (
              <>
                <Cell width={LABEL_COLUMNS}>{row.label}</Cell>
                <From size={size}>{row.from}</From>
                <Cell cut="middle">
                  <Place path={row.place} />
                </Cell>
              </>
            )}
            <Size>{rowSize(row)}</Size>
          </Row>
          {isTight ? null : <Rejected reasons={row.rejected} />}
        </Box>
      ))}
      <Gap isHidden={isTight} />
      <Line>{totalWords(summary)}</Line>
      {isTight && size.rows < CONSENT_ROWS ? null : (
        <>
          <Paragraph tone="faint">{hostWords(summary)}</Paragraph>
          {summary.notes.map((note) => (
            <Paragraph key={note} tone="faint">
              {note}
            </Paragraph>
          ))}
        </>
      )}
    </Pinned>
  );
}

function Heading({ size }: { size: WindowSize }) {
  return (
    <Row>
      <Cell width={2 + LABEL_COLUMNS} isBold>
        What will happen
      </Cell>
      {isNarrow(size) ? null : <From size={size}>from</From>}
      <Cell> </Cell>
      <Size isFaint>size</Size>
    </Row>
  );
}

/** Where a thing comes from: always a gap before the place, and all of its words where the terminal is wide. */
function From({ children, size }: { children: string; size: WindowSize }) {
  return (
    <Box width={size.columns >= WIDE_COLUMNS ? 38 : 22} paddingRight={2} flexShrink={0}>
      <Cell tone="faint">{children}</Cell>
    </Box>
  );
}

/** Sources that lost. There may be many, and the log has them all. */
function Rejected({ reasons }: { reasons: readonly string[] }) {
  const hiddenCount = reasons.length - SHOWN_REASONS;
  return reasons.slice(0, SHOWN_REASONS).map((reason, index) => (
    <Row key={reason} indent={2}>
      <Cell tone="warning">{`${GLYPH.failed} ${reason}`}</Cell>
      {hiddenCount > 0 && index === SHOWN_REASONS - 1 ? <Size isFaint>{`+${hiddenCount} more`}</Size> : null}
    </Row>
  ));
}

function Place({ path }: { path: string }) {
  return usePath(path);
}

/** As wide as its words: the place beside it gets the rest. */
function Size({ children, isFaint = false }: { children: string; isFaint?: boolean }) {
  return (
    <Box flexShrink={0} paddingLeft={2}>
      <Ink tone={isFaint ? 'faint' : 'plain'}>{children}</Ink>
    </Box>
  );
}

function rowSize(row: PlanRow): string {
  if (row.action === 'here') return '–';
  if (row.action === 'make') return row.diskBytes === null ? '' : `${formatBytes(row.diskBytes)} on disk`;
  return row.downloadBytes === null ? 'size unknown' : formatBytes(row.downloadBytes);
}

function totalWords(summary: PlanSummary): string {
  const { downloadBytes, diskBytes, freeBytes } = summary;
  const parts = [
    downloadBytes === null
      ? 'Download size unknown'
      : downloadBytes === 0
        ? 'Nothing to download'
        : `${formatBytes(downloadBytes)} to download`,
  ];
  if (diskBytes !== null) parts.push(`${formatBytes(diskBytes)} on disk`);
  if (freeBytes !== null) parts.push(`${formatBytes(freeBytes)} free`);
  return parts.join(' · ');
}

function hostWords(summary: PlanSummary): string {
  const { hosts } = summary;
  if (summary.hasOpenHosts)
    return `Will be contacted: ${[...hosts, 'hosts that uv finds by itself'].join(', ')}`;
  if (hosts.length === 0) return 'No host will be contacted.';
  return `Only ${hosts.length === 1 ? 'this host' : `these ${formatCount(hosts.length, 'host')}`} will be contacted: ${hosts.join(', ')}`;
}
