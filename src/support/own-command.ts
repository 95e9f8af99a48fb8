import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, delimiter, isAbsolute, join, relative, sep } from 'node:path';
import { PACKAGE_ROOT } from './package-root.ts';
import { programName, withProgramName } from './program-name.ts';
import { commandLine } from './remedy.ts';

/** How a process was started. */
export interface ProgramStart {
  /** `process.argv[1]`: the script, or the link through which it was started. */
  scriptPath: string | undefined;
  execPath: string;
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  packageRoot: string;
}

let known: { program: string; words: readonly string[] } | undefined;

/**
 * The words that start this program again the same way: `ktx`, `npx ktx-setup`, `npm start --`, `node
 * <path>/bin/ktx.cjs`. `ktx` when another program uses the library and declared no name. All commands shown
 * to people or run by programs start with them.
 */
export function programWords(): readonly string[] {
  const program = programName();
  if (known?.program !== program) known = { program, words: programWordsOf(thisStart(), program) };
  return known.words;
}

/** @internal as `programWords`, for tests. */
export function programWordsOf(start: ProgramStart, program = 'ktx'): readonly string[] {
  const { scriptPath, env, packageRoot } = start;
  const script = scriptPath === undefined ? null : realPath(scriptPath);
  const isOurs = (path: string) => script !== null && script === realPath(join(packageRoot, path));
  if (isOurs('scripts/start.mjs')) return ['npm', 'start', '--'];
  if (script === null || (program === 'ktx' && !isOurs('bin/ktx.cjs'))) return [program];
  const runner = packageRunner(script, env, program);
  if (runner !== null) return runner;
  const isLinkTo = (path: string) =>
    realPath(path) === script || (start.platform === 'win32' && isShimOf(path, script));
  if (onPath(program, start).some(isLinkTo)) return [program];
  if (basename(scriptPath!) === program) return [scriptPath!];
  const [node] = onPath('node', start);
  const isNodeOnPath = node !== undefined && realPath(node) === realPath(start.execPath);
  return [isNodeOnPath ? 'node' : start.execPath, scriptPath!];
}

/** npm, npx and other package runners identify themselves in the environment. */
function packageRunner(script: string, env: NodeJS.ProcessEnv, program: string): readonly string[] | null {
  const agent = env['npm_config_user_agent'] ?? '';
  // Fetched for this run only, so use the package's name: a bare `ktx` could be another package.
  const isFetched = script.includes(`${sep}_npx${sep}`) || script.includes(`${sep}dlx${sep}`);
  const isRun = env['npm_lifecycle_event'] !== undefined && (agent !== '' || env['npm_command'] === 'exec');
  if (!isFetched && !isRun) return null;
  const name = isFetched && program === 'ktx' ? 'ktx-setup' : program;
  if (agent.startsWith('pnpm/')) return ['pnpm', isFetched ? 'dlx' : 'exec', name];
  if (agent.startsWith('yarn/')) return isFetched ? ['yarn', 'dlx', name] : ['yarn', name];
  if (agent.startsWith('bun/')) return ['bunx', name];
  return ['npx', name];
}

/** npm's shim on Windows is a script beside the folder that it starts from. */
function isShimOf(shim: string, script: string): boolean {
  return script.toLowerCase().startsWith(join(shim, '..').toLowerCase());
}

/** What a shell would run for this name: the first executable file on PATH, if any. */
function onPath(name: string, { env, platform }: ProgramStart): string[] {
  const names = platform === 'win32' ? [`${name}.cmd`, `${name}.exe`] : [name];
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter(isAbsolute);
  const found = folders.flatMap((folder) => names.map((each) => join(folder, each))).find(isExecutable);
  return found === undefined ? [] : [found];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function thisStart(): ProgramStart {
  const { argv, execPath, env, platform } = process;
  return { scriptPath: argv[1], execPath, env, platform, packageRoot: PACKAGE_ROOT };
}

/** The words as a person would type them: a path below the working directory is shortened. */
export function typedWords(words: readonly string[], cwd: string): string {
  return commandLine(words.map((word, at) => (at === words.length - 1 ? shortest(word, cwd) : word)));
}

function shortest(word: string, cwd: string): string {
  if (!isAbsolute(word)) return word;
  const near = relative(cwd, word);
  if (near.startsWith('..') || isAbsolute(near)) return word;
  return /[\\/]/.test(near) ? near : `./${near}`;
}

let isOwnCommandPrinted = false;

/**
 * From now on, texts show commands the way this process was started. Called by the program, not by the
 * library.
 */
export function printOwnCommand(): void {
  isOwnCommandPrinted = true;
}

/** The program's name followed by one of its commands and not preceded by a package runner. */
const commandOf = (program: string) =>
  new RegExp(
    String.raw`(?<![\w./@-]|\b(?:npx|exec|dlx|yarn|bunx) )${program.replaceAll('.', String.raw`\.`)}(?= (?:setup|admin|bundle|embed|doctor|status|help)\b)`,
    'g',
  );

/** Text for a person, with the program's own name and commands that can be pasted as they are. */
export function withOwnCommand(text: string): string {
  const named = withProgramName(text);
  const program = programName();
  if (!isOwnCommandPrinted || !named.includes(`${program} `)) return named;
  const command = typedWords(programWords(), process.cwd());
  return command === program ? named : named.replaceAll(commandOf(program), () => command);
}
