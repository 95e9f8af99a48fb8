import { createContext, useContext } from 'react';
import { tildePath } from '../../src/support/text/format.ts';

/** What a piece of text means. Colour only ever repeats what glyph and word say already. */
export type Tone = 'accent' | 'good' | 'warning' | 'bad' | 'faint' | 'plain';

export interface Theme {
  hasColour: boolean;
  /** Painted as `~`. */
  homeDir: string;
}

export const ThemeContext = createContext<Theme>({ hasColour: true, homeDir: '' });

/** Named colours of the terminal's own palette: they fit light and dark, and 16 colours are enough. */
const COLOURS: Record<Tone, string | undefined> = {
  accent: 'cyan',
  good: 'green',
  warning: 'yellow',
  bad: 'red',
  faint: undefined,
  plain: undefined,
};

export function useTone(tone: Tone): { color?: string; dimColor?: boolean } {
  const { hasColour } = useContext(ThemeContext);
  if (tone === 'faint') return { dimColor: true };
  const color = hasColour ? COLOURS[tone] : undefined;
  return color === undefined ? {} : { color };
}

/** A path for people. */
export function usePath(path: string): string {
  return tildePath(path, useContext(ThemeContext).homeDir);
}

export const GLYPH = {
  done: '✓',
  failed: '✗',
  warning: '!',
  skipped: '–',
  now: '●',
  later: '○',
  chosen: '◉',
  running: '◐',
  pointer: '›',
  fetch: '↓',
  make: '+',
} as const;
