import { said, t } from '../src/language/translate.ts';
import { programName } from '../src/support/program-name.ts';
import { localMinute } from '../src/support/text/local-time.ts';
import { wrapWords } from '../src/support/text/wrap-words.ts';
import { readyChoices } from '../src/wizard/choices.ts';
import type { ReadyState } from '../src/wizard/state.ts';
import { ChoiceList } from './components/choices.tsx';
import { Gap, Ink, Line } from './components/text.tsx';
import { aboutColumnOf, choicesAround, scrollWords } from './layout/choices-around.ts';
import { bodyRows, contentColumns, isNarrow, isShort, type Size } from './layout/layout.ts';
import { GLYPH, usePath } from './style/theme.ts';
import { featureWords } from './style/words.ts';

export function ReadyScreen({ state, size }: { state: ReadyState; size: Size }) {
  const { overview } = state;
  const title = wrapWords(
    t`${programName()} ${overview.cliVersion} is installed: ${featureWords(overview.status.features)}`,
    contentColumns(size) - 2,
  );
  const choiceRows = bodyRows(size) - title.length - (isShort(size) ? 2 : 4);
  const shown = choicesAround(readyChoices(state), state.cursor, choiceRows);
  const { installedAt = null } = overview.status;
  const installed = installedAt === null ? [] : [t`installed ${localMinute(installedAt)}`];
  const aboutColumn = isNarrow(size) ? 0 : aboutColumnOf(readyChoices(state));
  return (
    <>
      {title.map((line, index) => (
        <Line key={line}>
          <Ink tone="good">{index === 0 ? GLYPH.done : ' '} </Ink>
          <Ink isBold>{line}</Ink>
        </Line>
      ))}
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
        more={scrollWords(shown, contentColumns(size))}
        aboutColumn={aboutColumn}
      />
    </>
  );
}
