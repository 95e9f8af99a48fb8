import { createContext, useContext } from 'react';
import { tildePath } from '../../src/support/text/format.ts';

/** What a piece of text means. Colour only ever repeats what glyph and word say already. */
export type Tone = 'accent' | 'good' | 'warning' | 'bad' | 'faint' | 'plain';

export interface Theme {
  hasColour: boolean;
  /** Dark text on a light background. */
  isLight?: boolean;
  /** Painted as `~`. */
  homeDir: string;
}

export const ThemeContext = createContext<Theme>({ hasColour: true, homeDir: '' });

/**
 * Named colours of the terminal's own palette, those that have a contrast of 4.5 to 1 in the palettes that terminals come
 * with. On a light background neither green nor yellow has it in any of them: there the mark alone says it.
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
  // Faint text on white is grey on white.
  if (tone === 'faint') return isLight ? {} : { dimColor: true };
  const color = hasColour ? COLOURS[isLight ? 'light' : 'dark'][tone] : undefined;
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
