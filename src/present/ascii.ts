/** One character for one, so that no column moves. */
const ASCII_OF: Record<string, string> = {
  // Not a plus, which is the glyph of what is made.
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

/** Our own glyphs in characters that any terminal has. What is not ours (a path, a line of uv) stays as it is. */
export function toAscii(text: string): string {
  return text.replace(MAPPED, (character) => ASCII_OF[character] ?? character);
}

/** A terminal that may show anything but ASCII: neither the Linux console nor a locale without UTF-8. */
export function hasUnicode(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = process.platform): boolean {
  if (env['TERM'] === 'linux') return false;
  if (platform === 'win32') return Boolean(env['WT_SESSION'] || env['TERM_PROGRAM'] || env['TERM']);
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  // Without a locale at all (containers), terminals of today show UTF-8; `C` and `POSIX` were chosen by somebody.
  return locale === '' || /utf-?8/i.test(locale);
}

/** The stream with every text that is written to it in ASCII. Everything else is the stream's own. */
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
