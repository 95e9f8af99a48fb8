/** Locales in which Python and others read file names as UTF-8, including C and POSIX (PEP 538, PEP 540). */
const READS_UTF8 = /utf-?8|^(?:C|POSIX)$/i;

/**
 * The environment for children that exchange paths with us in UTF-8. In a locale with another character set
 * (`de_DE.ISO-8859-1`, `ja_JP.eucJP`, a bare `de_DE`) Python would read `jörg` as a different name, and
 * `PYTHONUTF8` does not reach every child. Where C.UTF-8 does not exist, the C library falls back to C, which
 * works too. Linux only: elsewhere file names are Unicode anyway.
 */
export function withUtf8Locale(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
): NodeJS.ProcessEnv {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || 'C';
  return platform !== 'linux' || READS_UTF8.test(locale) ? env : { ...env, LC_ALL: 'C.UTF-8' };
}
