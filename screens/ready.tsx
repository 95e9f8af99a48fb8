import { said, t } from '../src/language/translate.ts';
import { programName } from '../src/support/program-name.ts';
import { localMinute } from '../src/support/text/local-time.ts';
import { readyChoices } from '../src/wizard/choices.ts';
import type { ReadyState } from '../src/wizard/state.ts';
import { ChoiceList } from './components/choices.tsx';
import { Gap, Ink, Line } from './components/text.tsx';
import { aboutColumnOf, choicesAround, scrollWords } from './layout/choices-around.ts';
import { bodyRows, isNarrow, isShort, type Size } from './layout/layout.ts';
import { GLYPH, usePath } from './style/theme.ts';
import { featureWords } from './style/words.ts';

export function ReadyScreen({ state, size }: { state: ReadyState; size: Size }) {
  const { overview } = state;
  const shown = choicesAround(readyChoices(state), state.cursor, bodyRows(size) - (isShort(size) ? 3 : 5));
  const { installedAt = null } = overview.status;
  const installed = installedAt === null ? [] : [t`installed ${localMinute(installedAt)}`];
  const aboutColumn = isNarrow(size) ? 0 : aboutColumnOf(readyChoices(state));
  return (
    <>
      <Line>
        <Ink tone="good">{GLYPH.done} </Ink>
        <Ink
          isBold
        >{t`${programName()} ${overview.cliVersion} is installed: ${featureWords(overview.status.features)}`}</Ink>
      </Line>
      <Line
        tone="faint"
        cut="middle"
      >{`  ${[...installed, usePath(overview.runtimeRoot)].join(' · ')}`}</Line>
      {state.notice === undefined ? null : <Line>{said(state.notice)}</Line>}
      <Gap isHidden={isShort(size)} />
      <Line>{t`What do you want to do?`}</Line>
      <Gap isHidden={isShort(size)} />
      <ChoiceList
        choices={shown.choices}
        cursor={shown.cursor}
        more={scrollWords(shown)}
        aboutColumn={aboutColumn}
      />
    </>
  );
}
