import { Box } from 'ink';
import type { Choice } from '../../src/wizard/choices.ts';
import { GLYPH } from '../theme.ts';
import { Ink, Line } from './text.tsx';

interface ChoicesProps {
  choices: readonly Choice<string>[];
  cursor: number;
}

/** Choices one below the other; the pointer, not the colour, says which. */
export function ChoiceList({ choices, cursor }: ChoicesProps) {
  return (
    <Box flexDirection="column" width="100%" flexShrink={0}>
      {choices.map((choice, index) => (
        <Line key={choice.id}>
          <ChoiceLabel choice={choice} isChosen={index === cursor} />
        </Line>
      ))}
    </Box>
  );
}

/** Choices side by side, for a question at the end of a screen. */
export function ChoiceRow({ choices, cursor }: ChoicesProps) {
  return (
    <Line>
      {choices.map((choice, index) => (
        <Ink key={choice.id}>
          <ChoiceLabel choice={choice} isChosen={index === cursor} />
          {'      '}
        </Ink>
      ))}
    </Line>
  );
}

function ChoiceLabel({ choice, isChosen }: { choice: Choice<string>; isChosen: boolean }) {
  return isChosen ? (
    <Ink tone="accent" isBold>
      {GLYPH.pointer} {choice.label}
    </Ink>
  ) : (
    <Ink>
      {'  '}
      {choice.label}
    </Ink>
  );
}
