import type { Theme } from '../../../screens/style/theme.ts';

/** How the screens look on this terminal. `NO_COLOR` is said here, because Chalk and Node let FORCE_COLOR win over it. */
export function themeOf(env: NodeJS.ProcessEnv, homeDir: string): Theme {
  return { hasColour: !env['NO_COLOR'], isLight: hasLightBackground(env), homeDir };
}

/**
 * `COLORFGBG` names the colours of text and background by their number in the palette, the last one is the background:
 * `0;15` is black on white. Who does not say it is taken for dark.
 */
export function hasLightBackground(env: NodeJS.ProcessEnv): boolean {
  const background = /;(\d+)$/.exec(env['COLORFGBG'] ?? '')?.[1];
  return background === '7' || (background !== undefined && Number(background) >= 9);
}
