import { createContext, useContext } from 'react';
import { tildePath } from '../../src/support/text/format.ts';

/** The meaning of a text. Colour only repeats what glyph and text already say. */
export type Tone = 'accent' | 'good' | 'warning' | 'bad' | 'faint' | 'plain';

export interface Theme {
  hasColour: boolean;
  /** Dark text on a light background. */
  isLight?: boolean;
  /** Displayed as `~`. */
  homeDir: string;
}

export const ThemeContext = createContext<Theme>({ hasColour: true, homeDir: '' });

/**
 * Named colours of the terminal's palette that have a contrast of 4.5 to 1 in common default palettes. On a
 * light background neither green nor yellow does in any of them: there the mark alone carries the meaning.
 */
export const COLOURS: Record<'dark' | 'light', Record<Tone, string | undefined>> = {
  dark: {
    accent: 'cyanBright',
    good: 'greenBright',
    warning: 'yellowBright',
    bad: 'redBright',
    faint: undefined,
    plain: undefined,
  },
  light: {
    accent: 'blue',
    good: undefined,
    warning: undefined,
    bad: 'red',
    faint: undefined,
    plain: undefined,
  },
};

export function useTone(tone: Tone): { color?: string; dimColor?: boolean } {
  const { hasColour, isLight } = useContext(ThemeContext);
  // Faint text on white would be grey on white.
  if (tone === 'faint') return isLight ? {} : { dimColor: true };
  const color = hasColour ? COLOURS[isLight ? 'light' : 'dark'][tone] : undefined;
  return color === undefined ? {} : { color };
}

/** A path for display. */
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
