import { existsSync } from 'node:fs';
import { access, constants, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { machineLimit } from '../failure/causes/machine-failure.ts';
import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';
import { watchStandstill } from '../process/standstill.ts';
import { withUtf8Locale } from '../process/utf8-locale.ts';
import { type HostPlatform, platformKey } from '../shipped/target.ts';
import { errorMessage, type SetupError } from '../support/errors.ts';
import { candidatePaths, managedElsewhere } from './interpreter-places.ts';

/** What an interpreter reports about itself. */
const interpreterFactsSchema = z.object({
  version: z.string(),
  implementation: z.string(),
  bits: z.number(),
  executable: z.string(),
  isFreeThreaded: z.boolean(),
  isDebugBuild: z.boolean(),
  isVirtualEnvironment: z.boolean(),
  isConda: z.boolean(),
  missingModules: z.array(z.string()),
  /** Why modules are missing: their import errors. */
  importErrors: z.optional(z.array(z.string())),
  /** The interpreter that a virtual environment was created from. */
  base: z.optional(z.nullable(z.string())),
  /** The file that runs at every start, if any. */
  startFile: z.optional(z.nullable(z.string())),
});
export type InterpreterFacts = z.infer<typeof interpreterFactsSchema>;

// Valid in any Python 3, so that an old one is rejected for its version and not with a SyntaxError. Every
// plan that may use a system Python waits for it, so it imports only compiled modules, which depend on the
// machine's libraries, and merely looks up the rest: 25 ms instead of 41. A module that exists but is damaged
// shows in the proof.
const INSPECT_SCRIPT = `
import importlib.util, json, os, sys
def has(name):
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:
        return False
def works(name):
    try:
        __import__(name)
        return True
    except Exception as error:
        errors.append(str(error))
        return False
errors = []
halves = {"venv": None, "ssl": "_ssl", "sqlite3": "_sqlite3", "ctypes": "_ctypes", "zlib": "zlib"}
missing = [name for name, half in halves.items() if not (has(name) and (half is None or works(half)))]
implementation = "CPython"
if sys.implementation.name != "cpython":
    import platform
    implementation = platform.python_implementation()
is_free_threaded = False
if sys.version_info >= (3, 13):
    import sysconfig
    is_free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(json.dumps({
    "version": sys.version.split()[0],
    "implementation": implementation,
    "bits": 64 if sys.maxsize > 2**32 else 32,
    "executable": sys.executable,
    "isFreeThreaded": is_free_threaded,
    "isDebugBuild": hasattr(sys, "gettotalrefcount"),
    "isVirtualEnvironment": sys.prefix != getattr(sys, "base_prefix", sys.prefix),
    "isConda": os.path.isdir(os.path.join(sys.prefix, "conda-meta")),
    "missingModules": missing,
    "importErrors": errors,
    "base": getattr(sys, "_base_executable", None),
    "startFile": getattr(sys.modules.get("sitecustomize"), "__file__", None),
}))
`;

/**
 * An interpreter that is starting is busy, even on a network home or under emulation; one that hangs is idle.
 */
const INSPECT_LIMITS = { stillMs: 5000, cpuMs: 60_000 };
/** An answer has a few hundred bytes. */
const MAX_ANSWER_BYTES = 256 * 1024;

export interface SystemPython {
  /**
   * The interpreter's own `sys.executable`: behind a version manager's shim the real one, since the shim's
   * target may change.
   */
  path: string;
  version: string;
  /** A folder above it that other users cannot enter. Only checked for a shared runtime. */
  closedBy?: string;
}

export interface RefusedPython {
  path: string;
  reason: string;
  /** The version it reported, if it answered. */
  foundVersion?: string;
  /** The interpreter that a virtual environment was created from. */
  base?: string;
  /** Set when it was never started, because this machine is at a limit: nothing is known about the interpreter then. */
  limit?: SetupError;
}

export interface SystemPythonSearch {
  /** Usable interpreters, best first. */
  usable: SystemPython[];
  refused: RefusedPython[];
}

/**
 * Finds interpreters on PATH and in the usual folders, runs each and checks it. If none is usable, also tries
 * the base of an active virtual environment and the installations of version managers. An unusable first hit
 * (a shim that exits with 127) does not end the search.
 */
export async function findSystemPythons(options: {
  host: HostPlatform;
  /** Minor versions that the lock has wheels for, best first. */
  minors: readonly string[];
  /** Minor versions to look for by name; unusable ones are reported with the reason. Default: `minors`. */
  knownMinors?: readonly string[];
  /** Why a minor version is unusable, if there is a better reason than its absence from the lock. */
  whyNot?: (minor: string) => string | null;
  env: NodeJS.ProcessEnv;
  /** For a shared runtime: interpreters that only this user can run come last. */
  isShared?: boolean;
  signal?: AbortSignal;
}): Promise<SystemPythonSearch> {
  const { platform } = options.host;
  const seen = new Set<string>();
  const judge = async (candidates: readonly string[]) => {
    const paths = await existingCandidates(candidates, seen);
    const found = await Promise.all(paths.map((path) => inspectSystemPython({ path, ...options })));
    if (!options.isShared) return found;
    return Promise.all(
      found.map(async (entry) =>
        'version' in entry ? { ...entry, closedBy: await closedFolder(entry.path) } : entry,
      ),
    );
  };
  const names = options.knownMinors ?? options.minors;
  const judged = await judge(candidatePaths(platform, options.env, names));
  const isFound = () => judged.some((entry) => 'version' in entry && !entry.closedBy);
  if (!isFound()) judged.push(...(await judge(await managedElsewhere(platform, options.env, names))));
  if (!isFound())
    judged.push(...(await judge(judged.flatMap((entry) => ('base' in entry && entry.base) || []))));
  const usable = judged.filter((entry): entry is SystemPython => 'version' in entry);
  const refused = judged.filter((entry): entry is RefusedPython => 'reason' in entry);
  const limit = refused.find((entry) => entry.limit !== undefined)?.limit;
  if (usable.length === 0 && limit !== undefined) throw limit;
  const rank = (python: SystemPython) => options.minors.indexOf(minorOf(python.version));
  const distinct = [...new Map(usable.map((python) => [python.path, python])).values()];
  return {
    usable: distinct.sort(
      (a, b) => Number(Boolean(a.closedBy)) - Number(Boolean(b.closedBy)) || rank(a) - rank(b),
    ),
    refused,
  };
}

/** Runs one interpreter and checks it. */
export async function inspectSystemPython(options: {
  path: string;
  host: HostPlatform;
  minors: readonly string[];
  whyNot?: (minor: string) => string | null;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}): Promise<SystemPython | RefusedPython> {
  const { path } = options;
  const watch = watchStandstill(INSPECT_LIMITS);
  const flood = new AbortController();
  let printedBytes = 0;
  try {
    const outcome = await runProcess({
      command: path,
      args: ['-I', '-B', '-c', INSPECT_SCRIPT],
      env: interpreterEnvironment(options.env),
      signal: AbortSignal.any([...(options.signal ? [options.signal] : []), watch.signal, flood.signal]),
      onSpawn: watch.start,
      onLines: (_, lines) => {
        printedBytes += lines.reduce((sum, line) => sum + line.length + 1, 0);
        if (printedBytes > MAX_ANSWER_BYTES) flood.abort();
      },
    });
    if (outcome.exitCode !== 0) {
      const shim = shimReason(outcome.stderr);
      if (shim !== null) return { path, reason: shim };
      // Old versions do not support the option -I.
      if (/^Unknown option: -I/m.test(outcome.stderr)) return { path, reason: 'is Python 2' };
      const lastLine = outcome.stderr.trim().split('\n').at(-1) ?? '';
      const ended = endingText(outcome.exitCode, outcome.signal);
      return {
        path,
        reason: lastLine ? `does not run: it ${ended} (${lastLine})` : `does not run: it ${ended}`,
      };
    }
    const lines = outcome.stdout.trim().split('\n');
    const at = lines.findLastIndex((line) => line.startsWith('{"version"'));
    if (at < 0) return { path, reason: foreignAnswer(outcome.stdout) };
    const facts = interpreterFactsSchema.parse(JSON.parse(lines[at]!));
    const foreign = at > 0 ? lines[0]! : lines[at + 1];
    const reason =
      refusalOf(facts, options.host, options.minors, {
        env: options.env,
        isDebian: existsSync('/etc/debian_version'),
        whyNot: options.whyNot,
      }) ?? (foreign === undefined ? null : printsReason(foreign, at > 0, facts));
    if (reason === null) return { path: facts.executable || path, version: facts.version };
    const isOfEnvironment = facts.isVirtualEnvironment && facts.base;
    return {
      path,
      reason,
      foundVersion: facts.version,
      ...(isOfEnvironment ? { base: facts.base! } : {}),
    };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    if (flood.signal.aborted) return { path, reason: 'prints without end instead of answering' };
    const standstill = watch.reason();
    if (standstill !== null) return { path, reason: `did not answer: it ${standstill}` };
    const limit = machineLimit(error, { evidence: [`${path} could not be started`] });
    if (limit !== null) return { path, reason: `could not be started: ${startLimit(limit.causeId)}`, limit };
    return { path, reason: `does not run: ${errorMessage(error)}` };
  } finally {
    watch.stop();
  }
}

/** A different program with this name, or one that exits before answering. */
const foreignAnswer = (stdout: string) => {
  const [line = ''] = stdout.trim().split('\n');
  return `does not run: it printed ${line === '' ? 'nothing' : `"${line.slice(0, 80)}" instead of an answer`}`;
};

const startLimit = (causeId: string | null): string =>
  causeId === 'too-many-files'
    ? 'too many files are open (raise the limit: ulimit -n 1024)'
    : 'this user may start no more processes or threads (see: ulimit -u)';

/** uv queries the interpreter too, and does not accept extra output. */
function printsReason(line: string, isAtStart: boolean, { startFile }: InterpreterFacts): string {
  const where = startFile
    ? `; ${startFile} runs at each start`
    : '; a .pth or sitecustomize.py in its site-packages may do it';
  return `prints ${isAtStart ? 'at start' : 'at its end'}: "${line.slice(0, 80)}"${where}, and uv cannot use such a Python`;
}

/**
 * The message of a version manager's shim when no version is selected, as one clause: which manager, and
 * which versions provide the command. `null` for other text. Formats: pyenv 2, asdf 0.16, mise 2025.
 */
function shimReason(stderr: string): string | null {
  if (/Python was not found; run without arguments to install from the Microsoft Store/.test(stderr))
    return 'is the placeholder of the Microsoft Store, with no Python behind it';
  if (/^xcode-select: /m.test(stderr))
    return "is Apple's placeholder, with no Python behind it until the command line tools are installed";
  const manager =
    /^(pyenv|rbenv|mise|asdf)\b/m.exec(stderr)?.[1] ??
    (/^No version is set for command/m.test(stderr) ? 'asdf' : null);
  if (manager === null) return null;
  const listed =
    /(?:exists in these Python versions|adding one of the following versions[^\n]*):?\n([\s\S]*?)(?:\n\n|\nNote|$)/i.exec(
      stderr,
    )?.[1];
  const versions = (listed ?? '')
    .split('\n')
    .map((line) => line.trim().replace(/^python /, ''))
    .filter(Boolean);
  const names = versions.join(', ');
  const which =
    versions.length === 0
      ? ''
      : versions.length === 1
        ? `; ${names} of its versions has it`
        : `; ${names} of its versions have it`;
  return `is a shim of ${manager}, which has not chosen a version that has it${which}`;
}

/** Context that explains missing modules. */
interface Machine {
  env: NodeJS.ProcessEnv;
  isDebian: boolean;
  whyNot?: (minor: string) => string | null;
}

/** Why an interpreter cannot be used for the runtime; `null` when it can. */
export function refusalOf(
  facts: InterpreterFacts,
  host: HostPlatform,
  minors: readonly string[],
  machine: Machine = { env: {}, isDebian: false },
): string | null {
  if (facts.implementation !== 'CPython') return `is ${facts.implementation}, not CPython`;
  const minor = minorOf(facts.version);
  if (!minors.includes(minor)) {
    const platform = platformKey(host);
    const known =
      minors.length > 0
        ? `packages are locked for ${[...minors].reverse().join(', ')} on ${platform}`
        : `nothing is locked on ${platform}`;
    return `is Python ${facts.version}; ${machine.whyNot?.(minor) ?? known}`;
  }
  if (facts.bits !== 64) return `is a ${facts.bits}-bit build`;
  if (facts.isFreeThreaded) return 'is a free-threaded build';
  if (facts.isDebugBuild) return 'is a debug build';
  if (facts.isConda) return 'belongs to a conda environment, which conda may change or remove at any time';
  if (facts.isVirtualEnvironment) return 'belongs to a virtual environment';
  return facts.missingModules.length > 0 ? missingReason(facts, machine) : null;
}

/** The variable that redirects its library search, or the system package that is not installed. */
function missingReason(
  { missingModules, importErrors = [], version, executable }: InterpreterFacts,
  { env, isDebian }: Machine,
) {
  const lacks = `lacks the standard modules ${missingModules.join(', ')}`;
  const variable = ['LD_LIBRARY_PATH', 'LD_PRELOAD', 'DYLD_LIBRARY_PATH', 'DYLD_INSERT_LIBRARIES'].find(
    (name) => env[name],
  );
  const isLibrary = importErrors.some((text) => /\.so|symbol|dylib|version `/.test(text));
  if (variable !== undefined && isLibrary)
    return `${lacks}: ${importErrors[0]!.slice(0, 200)}. ${variable} is set (${env[variable]}); without it: unset ${variable}`;
  if (!isDebian || !executable.startsWith('/usr/bin/')) return lacks;
  const minor = minorOf(version);
  return `${lacks}; this system has them in a package of their own: apt install ${missingModules.length > 1 || missingModules[0] !== 'venv' ? `python${minor}` : `python${minor}-venv`}`;
}

/**
 * The topmost folder above a file, or above its real file, that others cannot enter; `undefined` when they
 * can run it.
 */
async function closedFolder(path: string): Promise<string | undefined> {
  for (const each of [path, await realpath(path)]) {
    const folders: string[] = [];
    for (let folder = dirname(each); folder !== dirname(folder); folder = dirname(folder))
      folders.unshift(folder);
    for (const folder of folders) if (!((await stat(folder)).mode & 0o001)) return folder;
  }
  return undefined;
}

/**
 * Executable candidates, without duplicates. A name that links to a Python is that Python; one that links to
 * anything else (a version manager's single binary behind all its shims) is a separate candidate.
 */
async function existingCandidates(paths: readonly string[], seen: Set<string>): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      try {
        await access(path, constants.X_OK);
        const target = await realpath(path);
        const folder = await realpath(dirname(path));
        // All names in a virtual environment mean that environment, not its base.
        if (existsSync(join(folder, '..', 'pyvenv.cfg'))) return { path, key: join(folder, 'python') };
        const isPython = /^(?:python|pypy|graalpy)[\d.]*(?:-\w+)?(?:\.exe)?$/i.test(basename(target));
        return { path, key: isPython ? target : join(folder, basename(path)) };
      } catch {
        return null;
      }
    }),
  );
  return found.flatMap((entry) => {
    if (entry === null || seen.has(entry.key)) return [];
    seen.add(entry.key);
    return [entry.path];
  });
}

/** Removes variables that would point an interpreter to an activated environment instead of itself. */
export function interpreterEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return withUtf8Locale(
    Object.fromEntries(
      Object.entries(env).filter(
        ([name]) => !/^(PYTHON.*|__PYVENV_LAUNCHER__|VIRTUAL_ENV.*|CONDA_.*)$/i.test(name),
      ),
    ),
  );
}

/** `3.11` of `3.11.2`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
