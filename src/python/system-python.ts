import { access, constants, realpath } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import * as z from 'zod/mini';
import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';
import { type HostPlatform, platformKey } from '../shipped/target.ts';
import { errorMessage } from '../support/errors.ts';

/** What an interpreter says of itself when it is run. */
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
});
export type InterpreterFacts = z.infer<typeof interpreterFactsSchema>;

// Runs under any Python 3, so that an old one is refused by its version and not by a SyntaxError. Every plan that may take a Python
// of the system waits for it, so it imports only what depends on the machine's libraries, the compiled halves, and looks for the
// rest: 25 ms instead of 41. A module that is there and damaged shows in the proof.
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
    except Exception:
        return False
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
}))
`;

const INSPECT_TIMEOUT_MS = 5000;

export interface SystemPython {
  /** What the interpreter calls itself: behind a version manager's shim the real one, since a shim may change its mind. */
  path: string;
  version: string;
}

export interface RefusedPython {
  path: string;
  reason: string;
}

export interface SystemPythonSearch {
  /** Interpreters that fit, best first. */
  usable: SystemPython[];
  refused: RefusedPython[];
}

/**
 * Looks for interpreters on PATH and in the usual folders, runs each and judges it. An unusable first hit (a shim
 * that exits 127) is not the end of the search.
 */
export async function findSystemPythons(options: {
  host: HostPlatform;
  /** Minors that the lock has wheels for, best first. */
  minors: readonly string[];
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}): Promise<SystemPythonSearch> {
  const paths = await existingCandidates(candidatePaths(options.host.platform, options.env, options.minors));
  const judged = await Promise.all(paths.map((path) => inspectSystemPython({ path, ...options })));
  const usable = judged.filter((entry): entry is SystemPython => 'version' in entry);
  const rank = (python: SystemPython) => options.minors.indexOf(minorOf(python.version));
  const distinct = [...new Map(usable.map((python) => [python.path, python])).values()];
  return {
    usable: distinct.sort((a, b) => rank(a) - rank(b)),
    refused: judged.filter((entry): entry is RefusedPython => 'reason' in entry),
  };
}

/** Runs one interpreter and judges it. */
export async function inspectSystemPython(options: {
  path: string;
  host: HostPlatform;
  minors: readonly string[];
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}): Promise<SystemPython | RefusedPython> {
  const { path } = options;
  const timeout = AbortSignal.timeout(INSPECT_TIMEOUT_MS);
  try {
    const outcome = await runProcess({
      command: path,
      args: ['-I', '-B', '-c', INSPECT_SCRIPT],
      env: interpreterEnvironment(options.env),
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    });
    if (outcome.exitCode !== 0) {
      const lastLine = outcome.stderr.trim().split('\n').at(-1) ?? '';
      return {
        path,
        reason: `does not run: it ${endingText(outcome.exitCode, outcome.signal)}${lastLine ? ` (${lastLine})` : ''}`,
      };
    }
    const facts = interpreterFactsSchema.parse(JSON.parse(outcome.stdout));
    const reason = refusalOf(facts, options.host, options.minors);
    return reason === null ? { path: facts.executable || path, version: facts.version } : { path, reason };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    if (timeout.aborted) return { path, reason: `did not answer within ${INSPECT_TIMEOUT_MS / 1000} s` };
    return { path, reason: `does not run: ${errorMessage(error)}` };
  }
}

/** Why an interpreter cannot carry the runtime, named; `null` when it can. */
export function refusalOf(
  facts: InterpreterFacts,
  host: HostPlatform,
  minors: readonly string[],
): string | null {
  if (facts.implementation !== 'CPython') return `is ${facts.implementation}, not CPython`;
  const minor = minorOf(facts.version);
  if (!minors.includes(minor)) {
    const known =
      minors.length > 0 ? `packages are locked for ${[...minors].reverse().join(', ')}` : 'nothing is locked';
    return `is Python ${facts.version}; ${known} on ${platformKey(host)}`;
  }
  if (facts.bits !== 64) return `is a ${facts.bits}-bit build`;
  if (facts.isFreeThreaded) return 'is a free-threaded build';
  if (facts.isDebugBuild) return 'is a debug build';
  if (facts.isConda) return 'belongs to a conda environment';
  if (facts.isVirtualEnvironment) return 'belongs to a virtual environment';
  if (facts.missingModules.length > 0) return `lacks the standard modules ${facts.missingModules.join(', ')}`;
  return null;
}

/** Where interpreters are looked for, best first. Pure. */
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

async function existingCandidates(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      try {
        await access(path, constants.X_OK);
        return { path, target: await realpath(path) };
      } catch {
        return null;
      }
    }),
  );
  const byTarget = new Map<string, string>();
  for (const entry of found) if (entry && !byTarget.has(entry.target)) byTarget.set(entry.target, entry.path);
  return [...byTarget.values()];
}

/** What an interpreter must not inherit: it would look at somebody's activated environment instead of itself. */
export function interpreterEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^(PYTHON.*|__PYVENV_LAUNCHER__|VIRTUAL_ENV.*|CONDA_.*)$/i.test(name),
    ),
  );
}

/** `3.11` of `3.11.2`. */
export function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
