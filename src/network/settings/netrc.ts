import type { Login } from '../address/address.ts';

export interface NetrcEntry extends Login {
  /** Host without port, lower case; `null` for the `default` entry. */
  machine: string | null;
}

/**
 * Parses a netrc file: `machine`, `login`, `password`, `account`, `default`. The body of a `macdef` is
 * skipped up to the next empty line. A word starting with `#` comments out the rest of its line, unless a
 * value is expected there (a password may start with anything). Values may be quoted. Entries with neither
 * login nor password are dropped.
 */
export function parseNetrc(text: string): NetrcEntry[] {
  const entries: { machine: string | null; username?: string; password?: string }[] = [];
  const words = /(?<end>\n[ \t\r]*(?=\n|$))|"(?<quoted>(?:\\.|[^"\\])*)"|(?<plain>\S+)/g;
  let due: 'machine' | 'login' | 'password' | 'account' | null = null;
  let isMacro = false;
  for (let match = words.exec(text); match; match = words.exec(text)) {
    const { end, quoted, plain } = match.groups as Record<'end' | 'quoted' | 'plain', string | undefined>;
    if (end !== undefined) {
      isMacro = false;
      continue;
    }
    if (isMacro) continue;
    const word = plain ?? (quoted ?? '').replace(/\\(.)/g, '$1');
    if (due === null) {
      if (word.startsWith('#')) {
        const lineEnd = text.indexOf('\n', match.index);
        words.lastIndex = lineEnd < 0 ? text.length : lineEnd;
      } else if (word === 'default') entries.push({ machine: null });
      else if (word === 'macdef') isMacro = true;
      else if (word === 'machine' || word === 'login' || word === 'password' || word === 'account')
        due = word;
      continue;
    }
    const current = entries.at(-1);
    if (due === 'machine') entries.push({ machine: word.toLowerCase() });
    else if (due === 'login' && current) current.username = word;
    else if (due === 'password' && current) current.password = word;
    due = null;
  }
  return entries
    .filter((entry) => entry.username !== undefined || entry.password !== undefined)
    .map(({ machine, username = '', password = '' }) => ({ machine, username, password }));
}

/**
 * The entry for a host, as Python's netrc and uv read the file: the last match wins; `default` only if
 * `hasDefault` is set. If a user name is given, only an entry with that name, or without one, matches.
 */
export function netrcLogin(
  entries: readonly NetrcEntry[],
  hostname: string,
  { username, hasDefault = true }: { username?: string; hasDefault?: boolean } = {},
): Login | null {
  const wanted = hostname.toLowerCase();
  const isRight = (entry: NetrcEntry) =>
    username === undefined || entry.username === username || entry.username === '';
  const entry =
    entries.findLast((candidate) => candidate.machine === wanted && isRight(candidate)) ??
    (hasDefault
      ? entries.findLast((candidate) => candidate.machine === null && isRight(candidate))
      : undefined);
  return entry ? { username: username ?? entry.username, password: entry.password } : null;
}
