import { said, t } from '../src/language/translate.ts';
import { programName } from '../src/support/program-name.ts';
import { readyChoices } from '../src/wizard/choices.ts';
import type { ReadyState } from '../src/wizard/state.ts';
import { ChoiceList } from './components/choices.tsx';
import { Gap, Ink, Line } from './components/text.tsx';
import { choicesAround, scrollWords } from './layout/choices-around.ts';
import { bodyRows, isShort, type Size } from './layout/layout.ts';
import { GLYPH, usePath } from './style/theme.ts';
import { featureWords } from './style/words.ts';

export function ReadyScreen({ state, size }: { state: ReadyState; size: Size }) {
  const { overview } = state;
  const shown = choicesAround(readyChoices(state), state.cursor, bodyRows(size) - (isShort(size) ? 3 : 5));
  return (
    <>
      <Line>
        <Ink tone="good">{GLYPH.done} </Ink>
        <Ink
          isBold
        >{t`${programName()} ${overview.cliVersion} is installed: ${featureWords(overview.status.features)}`}</Ink>
      </Line>
      <Line tone="faint" cut="middle">{`  ${usePath(overview.runtimeRoot)}`}</Line>
      {state.notice === undefined ? null : <Line>{said(state.notice)}</Line>}
      <Gap isHidden={isShort(size)} />
      <Line>{t`What do you want to do?`}</Line>
      <Gap isHidden={isShort(size)} />
      <ChoiceList choices={shown.choices} cursor={shown.cursor} more={scrollWords(shown)} />
    </>
  );
}
