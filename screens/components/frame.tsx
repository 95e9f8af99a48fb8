import { Box } from 'ink';
import type { ReactNode } from 'react';
import { said, t, translatable } from '../../src/language/translate.ts';
import { programName } from '../../src/support/program-name.ts';
import { type KeyHint, keyHints } from '../../src/wizard/keys.ts';
import type { WizardState } from '../../src/wizard/state.ts';
import { fittingHints, separatorOf } from '../layout/footer.ts';
import { HELP_LABEL_COLUMNS, type HelpRow, HINT_GAP, helpRows, hintRows } from '../layout/help-rows.ts';
import { wordsOf } from '../layout/key-help.ts';
import { contentColumns, frameRows, isNarrow, isShort, type Size } from '../layout/layout.ts';
import { GLYPH } from '../style/theme.ts';
import { Cell, Gap, Ink, Line, Row } from './text.tsx';

const STAGES = [
  translatable('Features'),
  translatable('Plan'),
  translatable('Install'),
  translatable('Check'),
] as const;

const STAGE_OF: Partial<Record<WizardState['screen'], number>> = {
  loading: 0,
  features: 0,
  plan: 1,
  installing: 2,
  check: 3,
};

const FAILED_STAGE = { overview: 0, plan: 1, install: 2, check: 3, panel: null } as const;

interface FrameProps {
  state: WizardState;
  size: Size;
  children: ReactNode;
}

/** Header, body, footer. Always lower than the terminal. */
export function Frame({ state, size, children }: FrameProps) {
  const isTight = isShort(size);
  return (
    <Box
      width="100%"
      height={frameRows(size)}
      flexDirection="column"
      overflow="hidden"
      paddingX={isNarrow(size) ? 0 : 1}
    >
      <Header state={state} size={size} />
      <Gap isHidden={isTight} />
      <Box flexDirection="column" flexGrow={1} flexShrink={1} flexBasis={0} overflow="hidden" width="100%">
        {children}
      </Box>
      <Gap isHidden={isTight} />
      <Footer state={state} size={size} />
    </Box>
  );
}

function Header({ state, size }: { state: WizardState; size: Size }) {
  const stage = stageOf(state);
  return (
    <Row>
      <Cell isBold>
        {programName()} {stage === null && state.screen === 'check' ? 'doctor' : 'setup'}
      </Cell>
      {stage === null ? null : isNarrow(size) ? (
        <Ink tone="accent">{`${GLYPH.now} ${said(STAGES[stage]!)} ${stage + 1}/${STAGES.length}`}</Ink>
      ) : (
        STAGES.map((name, index) => (
          <Box key={name} flexShrink={0} paddingLeft={index === 0 ? 0 : 2}>
            <Stage name={said(name)} position={index - stage} />
          </Box>
        ))
      )}
    </Row>
  );
}

function Stage({ name, position }: { name: string; position: number }) {
  if (position < 0) {
    return (
      <Ink tone="faint">
        {GLYPH.done} {name}
      </Ink>
    );
  }
  if (position > 0) {
    return (
      <Ink tone="faint">
        {GLYPH.later} {name}
      </Ink>
    );
  }
  return (
    <Ink tone="accent" isBold>
      {GLYPH.now} {name}
    </Ink>
  );
}

/** A check on its own is not a stage of an installation. */
function stageOf(state: WizardState): number | null {
  if (state.screen === 'check' && state.result === null) return null;
  if (state.screen === 'failure') return FAILED_STAGE[state.retry];
  if (state.screen === 'panel' && state.behind.screen !== 'ready') return stageOf(state.behind);
  return STAGE_OF[state.screen] ?? null;
}

function Footer({ state, size }: { state: WizardState; size: Size }) {
  const hints = keyHints(state, 'footer');
  const columns = contentColumns(size);
  const fitting = fittingHints(hints, columns);
  return (
    <Line>
      {fitting.map(({ label, hint }, index) => (
        <Ink key={label}>
          {index === 0 ? '' : separatorOf(fitting, columns)}
          <Ink isBold>{label}</Ink>
          <Ink tone="faint"> {said(hint)}</Ink>
        </Ink>
      ))}
    </Line>
  );
}

/** All keys of this screen as sentences, from the same table as the footer; in few rows as their hints. */
export function Help({ state, size }: { state: WizardState; size: Size }) {
  const hints = keyHints({ ...state, isHelpOpen: false } as WizardState, 'help');
  const { rows, isWhole } = helpRows(hints, wordsOf(state), size);
  return isWhole ? <Sentences rows={rows} size={size} /> : <Hints hints={hints} size={size} />;
}

function Sentences({ rows, size }: { rows: readonly HelpRow[]; size: Size }) {
  return (
    <Box flexDirection="column" width="100%" flexShrink={1} overflow="hidden">
      <Line isBold>{t`Keys on this screen`}</Line>
      <Gap isHidden={isShort(size)} />
      {rows.map(({ key, label, text }) => (
        <Row key={key}>
          <Cell width={HELP_LABEL_COLUMNS} tone="accent">
            {label || ' '}
          </Cell>
          <Cell>{text || ' '}</Cell>
        </Row>
      ))}
    </Box>
  );
}

/** Keys and their hints one after the other, in as many rows as they take. */
function Hints({ hints, size }: { hints: readonly KeyHint[]; size: Size }) {
  const isTight = isShort(size);
  return (
    <Box flexDirection="column" width="100%" flexShrink={1} overflow="hidden">
      {isTight ? null : <Line isBold>{t`Keys on this screen`}</Line>}
      <Gap isHidden={isTight} />
      {hintRows(hints, contentColumns(size)).map((row) => (
        <Line key={row[0]?.label}>
          {row.map(({ label, hint }, index) => (
            <Ink key={label}>
              {index === 0 ? '' : HINT_GAP}
              <Ink tone="accent">{label}</Ink> {said(hint)}
            </Ink>
          ))}
        </Line>
      ))}
    </Box>
  );
}
