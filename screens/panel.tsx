import { saidValue } from '../src/language/translate.ts';
import { formatDuration } from '../src/support/text/format.ts';
import { isPanelBusy } from '../src/wizard/panels/panels.ts';
import type { PanelState } from '../src/wizard/state.ts';
import { ChoiceList } from './components/choices.tsx';
import { TextField } from './components/field.tsx';
import { MARKS, PanelLineRow } from './components/panel-line.tsx';
import { Cell, Gap, Ink, Pinned, Row } from './components/text.tsx';
import { aboutColumnOf, choicesAround, scrollWords } from './layout/choices-around.ts';
import { contentColumns, isNarrow, isShort, type Size } from './layout/layout.ts';
import { belowWords, panelLayout } from './layout/panel-layout.ts';

/** Any panel: a title, lines that scroll, and choices or a field that stay visible. */
export function PanelScreen({ state, size }: { state: PanelState; size: Size }) {
  const { view, title, rows, room, choiceRows } = panelLayout(state, size);
  const first = Math.min(state.firstRow, Math.max(0, rows.length - room));
  const below = rows.length - first - room;
  const shown = choicesAround(view.choices, view.cursor, choiceRows);
  const bottom = view.field ? (
    <TextField field={view.field} columns={contentColumns(size)} isBusy={isPanelBusy(state.panel)} />
  ) : (
    <ChoiceList
      choices={shown.choices}
      cursor={shown.cursor}
      more={scrollWords(shown, contentColumns(size))}
      aboutColumn={isNarrow(size) ? 0 : aboutColumnOf(view.choices)}
    />
  );
  const { glyph, tone } = MARKS[view.status]!;
  const elapsed = isPanelBusy(state.panel)
    ? saidValue(formatDuration(Math.max(0, state.nowMs - state.startedAtMs)))
    : below > 0
      ? belowWords(below)
      : first > 0
        ? 'pgup ↑'
        : '';
  return (
    <Pinned bottom={bottom} isTight={isShort(size)}>
      {title.map((line, index) => (
        <Row key={line}>
          <Cell width={2} tone={tone}>
            {index === 0 ? glyph : ''}
          </Cell>
          <Cell isBold>{line}</Cell>
          {index === 0 ? <Ink tone="faint">{` ${elapsed}`}</Ink> : null}
        </Row>
      ))}
      <Gap isHidden={isShort(size)} />
      {rows.slice(first, first + room).map((row) => (
        <PanelLineRow key={row.key} row={row} />
      ))}
    </Pinned>
  );
}
