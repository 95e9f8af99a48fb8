import { accessSync, constants, realpathSync } from 'node:fs';
import { basename, delimiter, join, sep } from 'node:path';
import { PACKAGE_ROOT } from '../support/package-root.ts';

/** What is known of the start of a process. */
export interface ProgramStart {
  /** `process.argv[1]`. */
  scriptPath: string | undefined;
  execPath: string;
  env: NodeJS.ProcessEnv;
  platform: NodeJS.Platform;
  packageRoot: string;
}

let known: readonly string[] | undefined;

/**
 * The words that start this program again as it was started: `ktx`, `npx ktx-setup`, `npm start --`, `node <path>/bin/ktx.cjs`.
 * `ktx` where another program uses the library. What a command is built with that somebody is to type, or a program to run.
 */
export function programWords(): readonly string[] {
  known ??= programWordsOf({
    scriptPath: process.argv[1],
    execPath: process.execPath,
    env: process.env,
    platform: process.platform,
    packageRoot: PACKAGE_ROOT,
  });
  return known;
}

/** @internal as `programWords`, for tests. */
export function programWordsOf(start: ProgramStart): readonly string[] {
  const { scriptPath, env, packageRoot } = start;
  const script = scriptPath === undefined ? null : realPath(scriptPath);
  const isOurs = (path: string) => script !== null && script === realPath(join(packageRoot, path));
  if (isOurs('scripts/start.mjs')) return ['npm', 'start', '--'];
  if (script === null || !isOurs('bin/ktx.cjs')) return ['ktx'];
  const runner = packageRunner(script, env);
  if (runner !== null) return runner;
  const ktx = onPath('ktx', start);
  if (ktx !== null && (realPath(ktx) === script || (start.platform === 'win32' && isShimOf(ktx, script))))
    return ['ktx'];
  if (basename(scriptPath!) === 'ktx') return [scriptPath!];
  const node = onPath('node', start);
  const isNodeOnPath = node !== null && realPath(node) === realPath(start.execPath);
  return [isNodeOnPath ? 'node' : start.execPath, scriptPath!];
}

/** npx, `pnpm dlx` and the like set these; what they fetched is found by the name of the package, what a project has by ours. */
function packageRunner(script: string, env: NodeJS.ProcessEnv): readonly string[] | null {
  const isPnpm = (env['npm_config_user_agent'] ?? '').startsWith('pnpm/');
  const isFetched = script.includes(`${sep}_npx${sep}`) || script.includes(`${sep}dlx${sep}`);
  if (isFetched) return isPnpm ? ['pnpm', 'dlx', 'ktx-setup'] : ['npx', 'ktx-setup'];
  if (env['npm_command'] !== 'exec' || env['npm_lifecycle_event'] !== 'npx') return null;
  return ['npx', 'ktx'];
}

/** npm's shim on Windows is a script beside the folder that it leads into. */
function isShimOf(shim: string, script: string): boolean {
  return script.toLowerCase().startsWith(join(shim, '..').toLowerCase());
}

function onPath(name: string, { env, platform }: ProgramStart): string | null {
  const names = platform === 'win32' ? [`${name}.cmd`, `${name}.exe`] : [name];
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter(Boolean);
  return folders.flatMap((folder) => names.map((each) => join(folder, each))).find(isExecutable) ?? null;
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
