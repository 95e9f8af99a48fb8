import { Box, Text } from 'ink';
import { said } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import type { Choice } from '../../src/wizard/choices.ts';
import { choiceGap } from '../layout/choices-around.ts';
import { GLYPH, useTone } from '../style/theme.ts';
import { Cell, Ink, Row } from './text.tsx';

interface ChoicesProps {
  choices: readonly Choice<string>[];
  cursor: number;
  /** Omitted content, `… 3 more lines`: at the end of the last row, where it takes no space. */
  more?: string;
}

/** Choices in one or two columns; the pointer marks the selection, not just the colour. */
export function ChoiceList({
  choices,
  cursor,
  columns = 1,
  more = '',
  aboutColumn = 0,
}: ChoicesProps & {
  columns?: 1 | 2;
  /** Where the descriptions start; 0: there are none. */
  aboutColumn?: number;
}) {
  const rows = Array.from({ length: Math.ceil(choices.length / columns) }, (_, row) =>
    choices.slice(row * columns, (row + 1) * columns),
  );
  return (
    <Box flexDirection="column" width="100%" flexShrink={0}>
      {rows.map((row, index) => (
        <Row key={row[0]?.id}>
          {row.map((choice, column) => (
            <Box
              key={choice.id}
              flexShrink={more === '' || columns > 1 ? 0 : 1}
              height={1}
              overflow="hidden"
              width={
                choice.about !== undefined && aboutColumn > 0
                  ? aboutColumn
                  : cellWidth(choices, column, columns)
              }
            >
              <ChoiceLabel choice={choice} isChosen={choices.indexOf(choice) === cursor} />
            </Box>
          ))}
          {aboutColumn > 0 && row[0]?.about !== undefined ? (
            <Cell tone="faint">{said(row[0].about)}</Cell>
          ) : null}
          {index === rows.length - 1 ? <More>{more}</More> : null}
        </Row>
      ))}
    </Box>
  );
}

/** The first of two columns is as wide as its widest label; the last one fits its content. */
function cellWidth(choices: readonly Choice<string>[], column: number, columns: number): number | undefined {
  if (column === columns - 1) return undefined;
  const labels = choices
    .filter((_, index) => index % columns === column)
    .map(({ label }) => columnsOf(said(label)));
  return Math.max(...labels) + 3;
}

/** Choices in one row, for a question at the end of a screen: closer together in a narrow window. */
export function ChoiceRow({
  choices,
  cursor,
  columns,
  more = '',
  gap = 6,
}: ChoicesProps & { columns: number; gap?: number }) {
  const between = choiceGap(choices, columns - (more === '' ? 0 : columnsOf(more) + 1), gap);
  return (
    <Row>
      {choices.map((choice, index) => (
        <Box key={choice.id} flexShrink={index === 0 ? 0 : 1} paddingLeft={index === 0 ? 0 : between}>
          <ChoiceLabel choice={choice} isChosen={index === cursor} />
        </Box>
      ))}
      <More>{more}</More>
    </Row>
  );
}

function More({ children }: { children: string }) {
  return children === '' ? null : (
    <>
      <Box flexGrow={1} flexShrink={1} flexBasis={0} height={1} />
      <Box flexShrink={0} height={1} paddingLeft={1}>
        <Ink tone="faint">{children}</Ink>
      </Box>
    </>
  );
}

function ChoiceLabel({ choice, isChosen }: { choice: Choice<string>; isChosen: boolean }) {
  return (
    <Text {...useTone(isChosen ? 'accent' : 'plain')} bold={isChosen} wrap="truncate">
      {isChosen ? GLYPH.pointer : ' '} {said(choice.label)}
    </Text>
  );
}
