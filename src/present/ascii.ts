/** One character for one, so that columns stay aligned. */
const ASCII_OF: Record<string, string> = {
  // Not a plus, which marks added items.
  '✓': '*',
  '✗': 'x',
  '–': '-',
  '●': '@',
  '○': 'o',
  '◉': '@',
  '◐': '@',
  '›': '>',
  '↓': 'v',
  '↑': '^',
  '←': '<',
  '→': '>',
  '█': '_',
  '━': '=',
  '─': '-',
  '·': '-',
  '…': '~',
};
const MAPPED = new RegExp(`[${Object.keys(ASCII_OF).join('')}]`, 'g');

/** Replaces our own glyphs by ASCII. Other text (a path, a line of uv) is unchanged. */
export function toAscii(text: string): string {
  return text.replace(MAPPED, (character) => ASCII_OF[character] ?? character);
}

/** Whether the terminal shows more than ASCII: not the Linux console, nor a locale without UTF-8. */
export function hasUnicode(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): boolean {
  if (env['TERM'] === 'linux') return false;
  if (platform === 'win32') return Boolean(env['WT_SESSION'] || env['TERM_PROGRAM'] || env['TERM']);
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  // Without any locale (containers), current terminals show UTF-8; `C` and `POSIX` were set on purpose.
  return locale === '' || /utf-?8/i.test(locale);
}

/** A stream that converts every text written to it to ASCII; otherwise it behaves like the original. */
export function asciiStream<S extends NodeJS.WriteStream>(stream: S): S {
  return new Proxy(stream, {
    get(target, property) {
      if (property === 'write') {
        return (data: unknown, ...rest: never[]) =>
          target.write((typeof data === 'string' ? toAscii(data) : data) as string, ...rest);
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
