import { useContext } from 'react';
import type { PanelRow } from '../layout/panel-layout.ts';
import { GLYPH, ThemeContext, type Tone } from '../style/theme.ts';
import { shortHome } from '../style/words.ts';
import { Cell, Row } from './text.tsx';

/** Marks of lines and titles. */
export const MARKS: Record<string, { glyph: string; tone: Tone }> = {
  running: { glyph: GLYPH.running, tone: 'accent' },
  asking: { glyph: GLYPH.now, tone: 'accent' },
  done: { glyph: GLYPH.done, tone: 'good' },
  failed: { glyph: GLYPH.failed, tone: 'bad' },
  warning: { glyph: GLYPH.warning, tone: 'warning' },
  later: { glyph: GLYPH.later, tone: 'faint' },
  added: { glyph: '+', tone: 'good' },
  removed: { glyph: '-', tone: 'bad' },
};

/** One row of a panel. */
export function PanelLineRow({ row }: { row: PanelRow }) {
  const { homeDir } = useContext(ThemeContext);
  const mark = row.mark && MARKS[row.mark];
  return (
    <Row>
      <Cell width={2} tone={mark?.tone ?? 'plain'}>
        {mark?.glyph ?? ' '}
      </Cell>
      <Cell tone={row.tone === 'faint' ? 'faint' : 'plain'} isBold={row.tone === 'bold'}>
        {shortHome(row.text, homeDir) || ' '}
      </Cell>
    </Row>
  );
}
