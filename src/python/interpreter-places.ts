import { readdir } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** Where a tool keeps the interpreters that it installed: folders that hold one folder a version. */
interface VersionManager {
  name: string;
  /** Its own variables and defaults, as its documentation has them; first that is set. */
  roots(env: NodeJS.ProcessEnv, home: string): (string | undefined)[];
  /** Where the interpreters are in the folder of a version. */
  bin: string;
}

const underData = (env: NodeJS.ProcessEnv, home: string, name: string) =>
  join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), name);

const VERSION_MANAGERS: readonly VersionManager[] = [
  {
    name: 'pyenv',
    roots: (env, home) => [join(env['PYENV_ROOT'] || join(home, '.pyenv'), 'versions')],
    bin: 'bin',
  },
  {
    name: 'uv',
    roots: (env, home) => [env['UV_PYTHON_INSTALL_DIR'] || join(underData(env, home, 'uv'), 'python')],
    bin: 'bin',
  },
  {
    name: 'mise',
    roots: (env, home) => [join(env['MISE_DATA_DIR'] || underData(env, home, 'mise'), 'installs', 'python')],
    bin: 'bin',
  },
  {
    name: 'asdf',
    roots: (env, home) => [join(env['ASDF_DATA_DIR'] || join(home, '.asdf'), 'installs', 'python')],
    bin: 'bin',
  },
  { name: 'rye', roots: (env, home) => [join(env['RYE_HOME'] || join(home, '.rye'), 'py')], bin: 'bin' },
  {
    name: 'hatch',
    roots: (env, home) => [join(underData(env, home, 'hatch'), 'pythons')],
    bin: join('python', 'bin'),
  },
  {
    name: 'Homebrew',
    roots: () => ['/opt/homebrew/opt', '/home/linuxbrew/.linuxbrew/opt', '/usr/local/opt'],
    bin: 'bin',
  },
  { name: 'python.org', roots: () => ['/Library/Frameworks/Python.framework/Versions'], bin: 'bin' },
  { name: 'a system-wide pyenv or build', roots: () => ['/opt/pyenv/versions', '/opt/python'], bin: 'bin' },
];

/** The names of version folders that hold a Python: `3.12.1`, `cpython-3.12.1-linux-x86_64-gnu`, `python@3.12`. */
const VERSION_FOLDER = /^(?:cpython[-@]|python@)?3\.\d+/;

/** Where interpreters are looked for first, best first: PATH, then the usual folders. Pure. */
export function candidatePaths(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
  minors: readonly string[],
): string[] {
  const isWindows = platform === 'win32';
  const path = (isWindows ? (env['Path'] ?? env['PATH']) : env['PATH']) ?? '';
  const usual = isWindows ? [] : ['/usr/local/bin', '/usr/bin', '/opt/homebrew/bin'];
  const directories = [...path.split(isWindows ? ';' : delimiter).filter(Boolean), ...usual];
  const names = isWindows
    ? ['python.exe', 'python3.exe']
    : [...minors.map((minor) => `python${minor}`), 'python3', 'python'];
  return [...new Set(directories.flatMap((directory) => names.map((name) => join(directory, name))))];
}

/**
 * Interpreters that PATH does not lead to: those of version managers, and of the environment that is active (named, and its base used).
 * Newest first within a manager. Reads folders, runs nothing.
 */
export async function managedElsewhere(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
  minors: readonly string[],
): Promise<string[]> {
  if (platform === 'win32') return [];
  const home = env['HOME'] && isAbsolute(env['HOME']) ? env['HOME'] : '/nonexistent';
  const active = [env['VIRTUAL_ENV'], env['CONDA_PREFIX']].flatMap((prefix) =>
    prefix ? [join(prefix, 'bin', 'python')] : [],
  );
  const perManager = await Promise.all(
    VERSION_MANAGERS.map(async ({ roots, bin }) => {
      const folders = await Promise.all(roots(env, home).map((root) => versionFolders(root)));
      return folders.flat().flatMap((folder) => minors.map((minor) => join(folder, bin, `python${minor}`)));
    }),
  );
  return [...active, ...perManager.flat()];
}

async function versionFolders(root: string | undefined): Promise<string[]> {
  if (!root || !isAbsolute(root)) return [];
  const names = await readdir(root).catch(() => []);
  const versions = names.filter((name) => VERSION_FOLDER.test(name));
  const newestFirst = versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return newestFirst.map((name) => join(root, name));
}
