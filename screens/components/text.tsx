import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { type Tone, useTone } from '../style/theme.ts';

interface InkProps {
  children?: ReactNode;
  tone?: Tone;
  isBold?: boolean;
}

/** Coloured text within a line. */
export function Ink({ children, tone = 'plain', isBold = false }: InkProps) {
  return (
    <Text {...useTone(tone)} bold={isBold}>
      {children}
    </Text>
  );
}

interface LineProps extends InkProps {
  /** Where an overlong text is cut. Paths are cut in the middle. */
  cut?: 'end' | 'middle';
}

/** Exactly one row; overflow is cut. */
export function Line({ children, tone = 'plain', isBold = false, cut = 'end' }: LineProps) {
  return (
    <Box height={1} width="100%" overflow="hidden" flexShrink={0}>
      <Text {...useTone(tone)} bold={isBold} wrap={cut === 'end' ? 'truncate' : 'truncate-middle'}>
        {children}
      </Text>
    </Box>
  );
}

interface CellProps extends LineProps {
  /** A fixed width; otherwise the cell takes the remaining space. */
  width?: number;
  align?: 'start' | 'end';
}

/** A column of a row. */
export function Cell({
  width,
  align = 'start',
  children,
  tone = 'plain',
  isBold = false,
  cut = 'end',
}: CellProps) {
  const room =
    width === undefined ? { flexGrow: 1, flexShrink: 1, flexBasis: 0 } : { width, flexShrink: 0 as const };
  return (
    <Box height={1} overflow="hidden" justifyContent={align === 'end' ? 'flex-end' : 'flex-start'} {...room}>
      <Text {...useTone(tone)} bold={isBold} wrap={cut === 'end' ? 'truncate' : 'truncate-middle'}>
        {children}
      </Text>
    </Box>
  );
}

export function Row({ children, indent = 0 }: { children: ReactNode; indent?: number }) {
  return (
    <Box height={1} width="100%" paddingLeft={indent} flexShrink={0} overflow="hidden">
      {children}
    </Box>
  );
}

/** A paragraph of any number of rows. */
export function Paragraph({ children, tone = 'plain', isBold = false }: InkProps) {
  return (
    <Box width="100%" flexShrink={1} overflow="hidden">
      <Text {...useTone(tone)} bold={isBold} wrap="wrap">
        {children}
      </Text>
    </Box>
  );
}

/** An empty row, if there is room. */
export function Gap({ isHidden = false }: { isHidden?: boolean }) {
  return isHidden ? null : <Box height={1} flexShrink={0} />;
}

interface PinnedProps {
  children: ReactNode;
  /** Always visible: the choices. */
  bottom: ReactNode;
  isTight: boolean;
}

/** Content that may lose its last rows, above choices that may not. */
export function Pinned({ children, bottom, isTight }: PinnedProps) {
  return (
    <>
      <Box flexDirection="column" width="100%" flexShrink={1} minHeight={0} overflow="hidden">
        {children}
      </Box>
      <Gap isHidden={isTight} />
      <Box flexDirection="column" width="100%" flexShrink={0}>
        {bottom}
      </Box>
    </>
  );
}
