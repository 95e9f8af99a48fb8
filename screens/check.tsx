import { Box } from 'ink';
import { useContext } from 'react';
import { said, saidValue, t } from '../src/language/translate.ts';
import type { LogSnapshot } from '../src/present/log-store.ts';
import { programName } from '../src/support/program-name.ts';
import { columnsOf } from '../src/support/text/columns.ts';
import { formatCount, formatDuration } from '../src/support/text/format.ts';
import { failedChecks } from '../src/wizard/choices.ts';
import type { UndoTarget } from '../src/wizard/functions.ts';
import { isRepairBusy, REPAIR_CHOICES } from '../src/wizard/panels/repair-run.ts';
import type { CheckState } from '../src/wizard/state.ts';
import { UNDO_CHOICES } from '../src/wizard/undo-question.ts';
import { ChoiceRow } from './components/choices.tsx';
import { LogView } from './components/log-view.tsx';
import { PanelLineRow } from './components/panel-line.tsx';
import { Cell, Gap, Ink, Line, Paragraph, Pinned, Row } from './components/text.tsx';
import { type CheckRow, checkRows, labelColumns } from './layout/check-rows.ts';
import { fittingWords } from './layout/choices-around.ts';
import { checkRoom, contentColumns, isNarrow, isShort, logWindow, type Size } from './layout/layout.ts';
import { type Asking, type Running, repairingRows, repairQuestionLayout } from './layout/repair-layout.ts';
import { undoLayout } from './layout/undo-layout.ts';
import { GLYPH, ThemeContext, type Tone } from './style/theme.ts';

interface CheckProps {
  state: CheckState;
  size: Size;
  log: LogSnapshot;
}

/** Checks, results and repairs: the last screen of an installation is the same as the doctor's. */
export function CheckScreen({ state, size, log }: CheckProps) {
  if (state.repair?.phase === 'asking')
    return <RepairQuestion state={state} repair={state.repair} size={size} />;
  if (state.repair?.phase === 'running')
    return <Repairing state={state} repair={state.repair} size={size} log={log} />;
  if (state.undoQuestion && state.undo)
    return <UndoQuestion target={state.undo} cursor={state.undoQuestion.cursor} size={size} />;
  if (state.isLogOpen) {
    return (
      <LogView
        log={log}
        position={state.log}
        view={logWindow(state, size, log)}
        columns={contentColumns(size)}
        isWrapped={state.isWrapped}
        find={state.find}
        isEnded
      />
    );
  }
  return <Checks state={state} size={size} />;
}

function UndoQuestion({ target, cursor, size }: { target: UndoTarget; cursor: number; size: Size }) {
  const { title, rows } = undoLayout(target, size);
  return (
    <Pinned
      bottom={<ChoiceRow choices={UNDO_CHOICES} cursor={cursor} columns={contentColumns(size)} />}
      isTight={isShort(size)}
    >
      <Paragraph isBold>{title.join('\n')}</Paragraph>
      <Gap isHidden={isShort(size)} />
      {rows.map((row) => (
        <PanelLineRow key={row.key} row={row} />
      ))}
    </Pinned>
  );
}

function RepairQuestion({ state, repair, size }: Omit<CheckProps, 'log'> & { repair: Asking }) {
  const { rows, room } = repairQuestionLayout(repair, size);
  const first = Math.min(state.firstRow, Math.max(0, rows.length - room));
  const below = rows.length - first - room;
  const choices = (
    <ChoiceRow choices={REPAIR_CHOICES} cursor={repair.cursor} columns={contentColumns(size)} />
  );
  return (
    <Pinned bottom={choices} isTight={isShort(size)}>
      <Row>
        <Cell isBold>{t`What the repair will do`}</Cell>
        <Ink tone="accent">{below > 0 ? t`${below} more ↓ pgdn` : first > 0 ? 'pgup ↑' : ''}</Ink>
      </Row>
      <Gap isHidden={isShort(size)} />
      {rows.slice(first, first + room).map((row) => (
        <PanelLineRow key={row.key} row={row} />
      ))}
    </Pinned>
  );
}

function Repairing({ state, repair, size, log }: CheckProps & { repair: Running }) {
  const rows = repairingRows(repair, size);
  return (
    <>
      <Row>
        <Cell width={2} tone="accent">
          {GLYPH.running}
        </Cell>
        <Cell isBold>{repair.isStopping ? t`Stopping and rolling back` : t`Repairing`}</Cell>
        <Ink tone="faint">{saidValue(formatDuration(Math.max(0, state.nowMs - state.startedAtMs)))}</Ink>
      </Row>
      {rows.map((row) => (
        <PanelLineRow key={row.key} row={row} />
      ))}
      <Gap isHidden={isShort(size)} />
      <LogView
        log={log}
        position={state.log}
        view={logWindow(state, size, log)}
        columns={contentColumns(size)}
      />
    </>
  );
}

function Checks({ state, size }: Omit<CheckProps, 'log'>) {
  const { homeDir } = useContext(ThemeContext);
  const rows = checkRows(state, size.columns, homeDir);
  const room = checkRoom(size);
  const first = Math.min(state.firstRow, Math.max(0, rows.length - room));
  const below = rows.length - first - room;
  const { glyph, tone, words } = verdict(state);
  const count = countWords(state, isNarrow(size) && below > 0);
  const free = contentColumns(size) - columnsOf(`  ${words}  ${count}`);
  return (
    <>
      <Row>
        <Cell width={2} tone={tone}>
          {glyph}
        </Cell>
        <Cell isBold>{words}</Cell>
        <Ink tone="faint">{count}</Ink>
        {below > 0 ? (
          <Ink tone="accent">{`  ${fittingWords([t`${below} more ↓`, `${below} ↓`], free)}`}</Ink>
        ) : null}
      </Row>
      <Gap isHidden={isShort(size)} />
      {rows.slice(first, first + room).map((row) => (
        <CheckLine key={row.key} row={row} labelWidth={labelColumns(size.columns, state) - 2} />
      ))}
    </>
  );
}

function verdict(state: CheckState): { glyph: string; tone: Tone; words: string } {
  if (state.isRunning) {
    const words = state.isStopping
      ? t`Stopping; nothing is switched`
      : state.checks.length === 0 && state.undone
        ? t`Switching`
        : t`Checking that everything works`;
    return { glyph: GLYPH.running, tone: 'accent', words };
  }
  const failed = failedChecks(state);
  if (failed > 0) {
    const words = said(formatCount(failed, 'check needs attention', 'checks need attention'));
    return { glyph: GLYPH.failed, tone: 'bad', words };
  }
  const words = state.result ? t`${programName()} is ready` : t`Everything works`;
  return { glyph: GLYPH.done, tone: 'good', words };
}

function countWords(state: CheckState, isShortOfRoom: boolean): string {
  if (isShortOfRoom) return '';
  const isBusy = state.isRunning || isRepairBusy(state.repair);
  if (isBusy) return saidValue(formatDuration(Math.max(0, state.nowMs - state.startedAtMs)));
  // The proof counts: it stands with the groups.
  const count = state.proof.length + state.checks.length;
  return `${said(formatCount(count, 'check'))} · ${saidValue(formatDuration(state.durationMs))}`;
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
