import { said, t } from '../../src/language/translate.ts';
import { columnsOf } from '../../src/support/text/columns.ts';
import { type Field, fieldHint, fieldQuestion, shownText } from '../../src/wizard/panels/field.ts';
import { GLYPH } from '../style/theme.ts';
import { Ink, Line, Row } from './text.tsx';

/** Rows of a text field: label, value, hint. */
export const FIELD_ROWS = 3;

interface TextFieldProps {
  field: Field;
  columns: number;
  /** The value is being checked. */
  isBusy: boolean;
}

/** A text field: shows the end of a long value, and the problem below it. */
export function TextField({ field, columns, isBusy }: TextFieldProps) {
  const question = said(fieldQuestion(field.spec));
  const room = Math.max(8, columns - 4);
  const characters = [...shownText(field)];
  const shown = characters.length < room ? characters.join('') : `…${characters.slice(2 - room).join('')}`;
  return (
    <>
      <Line isBold>{columnsOf(question) <= columns ? question : said(field.spec.name)}</Line>
      <Row>
        <Ink tone="accent">{`${GLYPH.pointer} `}</Ink>
        <Ink>{shown}</Ink>
        {isBusy ? null : <Ink tone="accent">█</Ink>}
      </Row>
      <Line tone={field.problem === null ? 'faint' : 'plain'}>
        {field.problem === null ? null : <Ink tone="bad">{`${GLYPH.failed} `}</Ink>}
        {field.problem !== null
          ? said(field.problem)
          : isBusy
            ? `  ${t`looking at it …`}`
            : `  ${said(fieldHint(field))}`}
      </Line>
    </>
  );
}
