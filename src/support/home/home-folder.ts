import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { quoted } from '../text/control-characters.ts';

/** Debian's home for accounts without one. Nothing is read or created below it. */
const NO_HOME = '/nonexistent';

/** Node decodes invalid UTF-8 to this character, and the path is then a different one. */
export const isLossy = (path: string): boolean => path.includes('\uFFFD');

/**
 * This user's home folder: HOME or, when it is unset or empty, the one from the account database. Never
 * throws; without a home, returns a folder that does not exist, see `homeProblem`.
 */
export function homeFolder(): string {
  return look().path ?? NO_HOME;
}

/** Why `homeFolder()` cannot be used; `null` when it can. */
export function homeProblem(folder: string): string | null {
  if (folder !== NO_HOME) return null;
  return look().problem ?? `${NO_HOME} is no home folder`;
}

function look(): { path: string; problem?: undefined } | { path?: undefined; problem: string } {
  if (process.platform === 'win32') return { path: homedir() };
  const set = process.env['HOME'];
  if (!set) return ofAccount(set === undefined ? 'HOME is not set' : 'HOME is empty');
  if (isLossy(set)) return { problem: `HOME is not UTF-8: ${quoted(set)}` };
  if (!isAbsolute(set)) return { problem: `HOME is not an absolute path: ${quoted(set)}` };
  return { path: set };
}

function ofAccount(why: string) {
  try {
    const { homedir: path } = userInfo();
    if (isAbsolute(path) && path !== NO_HOME && !isLossy(path)) return { path };
    return { problem: `${why}, and the home folder of this user in /etc/passwd is ${quoted(path)}` };
  } catch {
    return { problem: `${why}, and user ${process.getuid?.()} is not in /etc/passwd` };
  }
}
