import type { Theme } from '../../../screens/style/theme.ts';

/** The theme for this terminal. Handles `NO_COLOR`, because FORCE_COLOR overrides it in Chalk and Node. */
export function themeOf(env: NodeJS.ProcessEnv, homeDir: string): Theme {
  return { hasColour: !env['NO_COLOR'], isLight: hasLightBackground(env), homeDir };
}

/**
 * `COLORFGBG` has the palette numbers of text and background, the background last: `0;15` is black on white.
 * Unset counts as dark.
 */
export function hasLightBackground(env: NodeJS.ProcessEnv): boolean {
  const background = /;(\d+)$/.exec(env['COLORFGBG'] ?? '')?.[1];
  return background === '7' || (background !== undefined && Number(background) >= 9);
}
