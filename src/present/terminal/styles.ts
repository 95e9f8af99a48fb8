/**
 * Whether the terminal shows bold, faint and coloured text. Decided here and passed to Chalk, which would
 * guess from terminal names and CI variables. `NO_COLOR` only removes colours: see the theme.
 */
export function hasStyles(env: NodeJS.ProcessEnv): boolean {
  return env['TERM'] !== 'dumb' && env['FORCE_COLOR'] !== '0' && env['FORCE_COLOR'] !== 'false';
}
