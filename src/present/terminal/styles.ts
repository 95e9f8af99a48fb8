/**
 * Whether a terminal shows bold, faint and coloured text. Said in one place and told to Chalk, which would guess by names
 * of terminals and by variables of CI services. `NO_COLOR` takes the colours only: see the theme.
 */
export function hasStyles(env: NodeJS.ProcessEnv): boolean {
  return env['TERM'] !== 'dumb' && env['FORCE_COLOR'] !== '0' && env['FORCE_COLOR'] !== 'false';
}
