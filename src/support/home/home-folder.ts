import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { quoted } from '../text/control-characters.ts';

/** What Debian gives accounts without a home: nothing is read below it, and nothing is made there. */
const NO_HOME = '/nonexistent';

/** Node replaces what is not UTF-8 by this, and the path is another one then. */
export const isLossy = (path: string): boolean => path.includes('\uFFFD');

/**
 * The home folder of this user: HOME, or what the system has for the user where HOME is unset or empty. Never throws; a folder that does
 * not exist where there is none to be had, see `homeProblem`.
 */
export function homeFolder(): string {
  return look().path ?? NO_HOME;
}

/** Why nothing can be put into `homeFolder()`; `null` when it can. */
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
