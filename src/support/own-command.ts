import { realpathSync } from 'node:fs';
import { basename, delimiter, dirname, isAbsolute, join, relative } from 'node:path';

/** What is known of how this process was started. */
export interface StartFacts {
  /** The script, as the command line or the link that was followed named it. */
  scriptPath: string;
  execPath: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** The file behind a path, all links followed; `null` when there is none. */
  realPath: (path: string) => string | null;
}

/**
 * How to start this program again, as somebody would type it: `ktx` where the shell finds it, else what a package runner
 * was asked for, else the path of the script.
 */
export function ownCommand({ scriptPath, execPath, cwd, env, realPath }: StartFacts): string {
  const self = realPath(scriptPath);
  if (self === null) return 'ktx';
  const runner = packageRunner(env, self);
  if (runner !== null) return runner;
  const found = (env['PATH'] ?? '')
    .split(delimiter)
    .filter(isAbsolute)
    .some((folder) => realPath(join(folder, 'ktx')) === self);
  if (found) return 'ktx';
  const path = shortest(scriptPath, cwd);
  const isScript = /\.[cm]?js$/.test(scriptPath);
  if (!isScript) return quoted(path);
  const node = basename(execPath).replace(/\.exe$/i, '');
  const isNodeFound = (env['PATH'] ?? '').split(delimiter).includes(dirname(execPath));
  return `${isNodeFound ? node : quoted(execPath)} ${quoted(path)}`;
}

/** npm, npx and their like say in the environment who they are. */
function packageRunner(env: NodeJS.ProcessEnv, self: string): string | null {
  const agent = env['npm_config_user_agent'];
  if (agent === undefined || env['npm_lifecycle_event'] === undefined) return null;
  // Fetched for this one run, so the package is named: `ktx` alone would be another one's.
  const isFetched = /[\\/](_npx|dlx)[\\/]/.test(self);
  const name = isFetched ? 'ktx-setup' : 'ktx';
  if (agent.startsWith('pnpm/')) return `pnpm ${isFetched ? 'dlx' : 'exec'} ${name}`;
  if (agent.startsWith('yarn/')) return `yarn ${isFetched ? 'dlx ' : ''}${name}`;
  if (agent.startsWith('bun/')) return `bunx ${name}`;
  return `npx ${name}`;
}

function shortest(path: string, cwd: string): string {
  const near = relative(cwd, path);
  if (near.startsWith('..') || isAbsolute(near)) return path;
  return /[\\/]/.test(near) ? near : `./${near}`;
}

function quoted(text: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

let known: string | null = 'ktx';

/** From now on commands are printed as this process was started. For the program itself; the library does not call it. */
export function printOwnCommand(): void {
  known = null;
}

/** `ktx` with one of its commands behind it, and no runner before it. */
const COMMAND =
  /(?<![\w./@-]|\b(?:npx|exec|dlx|yarn|bunx) )ktx(?= (?:setup|admin|bundle|embed|doctor|status|help)\b)/g;

/** A text for a person in which every command of ours can be typed as it stands. */
export function withOwnCommand(text: string): string {
  if (known === 'ktx' || !text.includes('ktx ')) return text;
  known ??= ownCommand({
    scriptPath: process.argv[1] ?? '',
    execPath: process.execPath,
    cwd: process.cwd(),
    env: process.env,
    realPath(path) {
      try {
        return realpathSync(path);
      } catch {
        return null;
      }
    },
  });
  const command = known;
  return command === 'ktx' ? text : text.replaceAll(COMMAND, () => command);
}
