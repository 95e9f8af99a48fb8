import { access, constants, readdir, realpath } from 'node:fs/promises';
import { basename, posix, win32 } from 'node:path';

/** A place outside PATH where interpreters may be installed. */
interface Place {
  /** Folders with one subfolder per version, from the tool's documented variables and defaults. */
  roots(env: NodeJS.ProcessEnv, home: string): (string | undefined)[];
  /** Where the interpreter is within a version's folder. */
  bin?: string;
}

const underData = (env: NodeJS.ProcessEnv, home: string, ...names: string[]) =>
  posix.join(env['XDG_DATA_HOME'] || posix.join(home, '.local', 'share'), ...names);

const inHome =
  (variable: string, fallback: string, ...below: string[]): Place['roots'] =>
  (env, home) => [posix.join(env[variable] || posix.join(home, fallback), ...below)];

/** Version managers, package managers, and build images. */
const UNIX_PLACES: readonly Place[] = [
  { roots: inHome('PYENV_ROOT', '.pyenv', 'versions') },
  { roots: (env, home) => [env['UV_PYTHON_INSTALL_DIR'] || underData(env, home, 'uv', 'python')] },
  {
    roots: (env, home) => {
      const data = env['MISE_DATA_DIR'] || underData(env, home, 'mise');
      return [posix.join(env['MISE_INSTALLS_DIR'] || posix.join(data, 'installs'), 'python')];
    },
  },
  { roots: inHome('ASDF_DATA_DIR', '.asdf', 'installs', 'python') },
  { roots: inHome('RYE_HOME', '.rye', 'py') },
  { roots: (env, home) => [underData(env, home, 'hatch', 'pythons')], bin: posix.join('python', 'bin') },
  {
    roots: (env, home) => [underData(env, home, 'pypoetry', 'python'), underData(env, home, 'pdm', 'python')],
  },
  {
    // Homebrew, whose links are named by minor version: `python@3.13`.
    roots: (env) => [
      env['HOMEBREW_PREFIX'] && posix.join(env['HOMEBREW_PREFIX'], 'opt'),
      ...['/opt/homebrew/opt', '/home/linuxbrew/.linuxbrew/opt', '/usr/local/opt'],
    ],
  },
  // python.org's installer, and MacPorts, which has the same framework below its own folder.
  {
    roots: () => [
      '/Library/Frameworks/Python.framework/Versions',
      '/opt/local/Library/Frameworks/Python.framework/Versions',
    ],
  },
  // A system-wide pyenv, manylinux images, manual builds, shared hosts with CloudLinux.
  { roots: () => ['/opt/pyenv/versions', '/opt/python', '/opt/alt'] },
  // Hosted runners of GitHub and Azure.
  {
    roots: ({ RUNNER_TOOL_CACHE, AGENT_TOOLSDIRECTORY }) =>
      [RUNNER_TOOL_CACHE, AGENT_TOOLSDIRECTORY].map((cache) => cache && posix.join(cache, 'Python')),
    bin: posix.join('x64', 'bin'),
  },
];

const WINDOWS_PLACES: readonly Place[] = [
  {
    // python.org's installer, per user and for all users; the Python install manager.
    roots: ({ LOCALAPPDATA, ProgramFiles, SystemDrive }) => [
      LOCALAPPDATA && win32.join(LOCALAPPDATA, 'Programs', 'Python'),
      LOCALAPPDATA && win32.join(LOCALAPPDATA, 'Python'),
      ProgramFiles,
      SystemDrive && `${SystemDrive}\\`,
    ],
  },
  {
    roots: ({ APPDATA, UV_PYTHON_INSTALL_DIR }) => [
      UV_PYTHON_INSTALL_DIR || (APPDATA && win32.join(APPDATA, 'uv', 'python')),
    ],
  },
  {
    roots: ({ PYENV_ROOT, USERPROFILE }) => [
      PYENV_ROOT
        ? win32.join(PYENV_ROOT, 'versions')
        : USERPROFILE && win32.join(USERPROFILE, '.pyenv', 'pyenv-win', 'versions'),
    ],
  },
  { roots: ({ LOCALAPPDATA }) => [LOCALAPPDATA && win32.join(LOCALAPPDATA, 'mise', 'installs', 'python')] },
  { roots: ({ USERPROFILE }) => [USERPROFILE && win32.join(USERPROFILE, 'scoop', 'apps')], bin: 'current' },
  {
    roots: ({ RUNNER_TOOL_CACHE }) => [RUNNER_TOOL_CACHE && win32.join(RUNNER_TOOL_CACHE, 'Python')],
    bin: 'x64',
  },
];

/** Conda installations: their Python is never used, but listed with the reason. */
const CONDA_FOLDERS = ['miniconda3', 'miniforge3', 'mambaforge', 'anaconda3', 'micromamba'];

/**
 * Names of version folders that contain a Python: `3.12.1`, `cpython-3.12.1-linux-x86_64-gnu`,
 * `cpython@3.12.1`, `python@3.12`, `cp312-cp312`; on Windows also `Python312`, `Python312-arm64`,
 * `pythoncore-3.14-64`, `python312`.
 */
const VERSION_FOLDER = /^(?:(?:cpython[-@]|python@|pythoncore-)?3\.\d+|cp3\d+-cp3\d+$|python3\d+(?:-|$))/i;

/** Where to look for interpreters first, best first: PATH, then the usual folders. Pure. */
export function candidatePaths(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
  minors: readonly string[],
): string[] {
  const isWindows = platform === 'win32';
  const { join, delimiter, isAbsolute } = isWindows ? win32 : posix;
  const path = (isWindows ? (env['Path'] ?? env['PATH']) : env['PATH']) ?? '';
  const usual = isWindows ? [] : ['/usr/local/bin', '/usr/bin', '/opt/homebrew/bin', '/opt/local/bin'];
  const directories = [...(env['UV_PYTHON_SEARCH_PATH'] ?? '').split(delimiter), ...path.split(delimiter)];
  const names = isWindows
    ? ['python.exe', 'python3.exe']
    : [...minors.map((minor) => `python${minor}`), 'python3', 'python'];
  // A relative folder would depend on where ktx is started.
  const absolute = [...directories.filter((directory) => isAbsolute(directory)), ...usual];
  return [...new Set(absolute.flatMap((directory) => names.map((name) => join(directory, name))))];
}

/**
 * Interpreters outside PATH: those of version managers, of the active environment (listed, with its base
 * used) and of conda (listed only). Newest first within a manager. Reads folders, runs nothing.
 */
export async function managedElsewhere(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
  minors: readonly string[],
): Promise<string[]> {
  const isWindows = platform === 'win32';
  const { join, isAbsolute } = isWindows ? win32 : posix;
  const homeVariable = (isWindows ? env['USERPROFILE'] : env['HOME']) ?? '';
  const home = isAbsolute(homeVariable) ? homeVariable : join(isWindows ? 'C:\\' : '/', 'nonexistent');
  const binaryIn = (prefix: string) =>
    isWindows ? join(prefix, 'python.exe') : join(prefix, 'bin', 'python');
  const active = [
    ...(env['VIRTUAL_ENV'] ? [join(env['VIRTUAL_ENV'], isWindows ? 'Scripts' : 'bin', 'python')] : []),
    ...(env['CONDA_PREFIX'] ? [binaryIn(env['CONDA_PREFIX'])] : []),
  ].map((path) => (isWindows && !path.endsWith('.exe') ? `${path}.exe` : path));
  const perPlace = await Promise.all(
    (isWindows ? WINDOWS_PLACES : UNIX_PLACES).map(async ({ roots, bin = isWindows ? '' : 'bin' }) => {
      const folders = await Promise.all(
        roots(env, home).map((root) => versionFolders(root, join, isAbsolute)),
      );
      const names = isWindows ? ['python.exe'] : minors.map((minor) => `python${minor}`);
      return folders.flat().flatMap((folder) => names.map((name) => join(folder, bin, name)));
    }),
  );
  const condaRoots = [...CONDA_FOLDERS.map((name) => join(home, name)), ...(isWindows ? [] : ['/opt/conda'])];
  return [...active, ...perPlace.flat(), ...condaRoots.map(binaryIn)];
}

/**
 * The minor versions of this machine's interpreters by file name, without running any: enough to say before a
 * plan is made. Files whose name has no version (shims) are skipped.
 */
export async function minorsByName(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
  minors: readonly string[],
): Promise<Set<string>> {
  const paths = [
    ...candidatePaths(platform, env, minors),
    ...(await managedElsewhere(platform, env, minors)),
  ];
  const found = await Promise.all(paths.map(minorByName));
  return new Set(found.filter((minor) => minor !== null));
}

/**
 * `3.12` for an interpreter whose real file is `python3.12`; `null` when it does not exist or its name has no
 * version.
 */
export async function minorByName(path: string): Promise<string | null> {
  try {
    await access(path, constants.X_OK);
    return /^python(3\.\d+)(?:\.exe)?$/.exec(basename(await realpath(path)))?.[1] ?? null;
  } catch {
    return null;
  }
}

async function versionFolders(
  root: string | undefined,
  join: typeof posix.join,
  isAbsolute: typeof posix.isAbsolute,
): Promise<string[]> {
  if (!root || !isAbsolute(root)) return [];
  const names = await readdir(root).catch(() => []);
  const versions = names.filter((name) => VERSION_FOLDER.test(name));
  const newestFirst = versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return newestFirst.map((name) => join(root, name));
}
