import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endingText } from '../process/ending.ts';
import { runProcess } from '../process/run-process.ts';
import { errorCode, SetupError, throwIfCancelled } from '../support/errors.ts';
import { makeFolder, writeFileAtomic } from '../support/fs/atomic-file.ts';
import { tryFileLock } from '../support/fs/file-lock.ts';
import { readRegularText } from '../support/fs/regular-file.ts';
import { otherRemedy } from '../support/remedies.ts';
import { MANAGED_UV_VERSION } from '../uv/release.ts';

/** The uv version used for installs, and the package that selects wheels. */
const TOOLS = [`uv==${MANAGED_UV_VERSION}`, 'packaging==26.3'];
/** How many lines of a failed tool's output are shown. */
const SHOWN_LINES = 20;
const CAPTURE_BYTES = 256 * 2 ** 20;

/** Where the maker works, and where it reports. */
export interface MakerWork {
  /** Contains the tools, downloaded wheels and uv's cache. Can be deleted at the cost of time only. */
  scratchDir: string;
  /** Runs the tools; must have `venv` and `pip`. Default: `python3`, on Windows `python`. */
  python?: string;
  signal?: AbortSignal;
  /** One line about the current step. */
  tell?: (line: string) => void;
}

/** Python and the pinned uv in a private environment in the scratch folder. */
export interface Toolbox {
  python: string;
  uv: string;
  /** Runs a tool to completion; resolves with its stdout. @throws SetupError with the end of its stderr. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<string>;
  /** The same for uv, ignoring the machine's configuration files and never downloading Python. */
  runUv(args: readonly string[], options?: RunOptions): Promise<string>;
}

interface RunOptions {
  env?: NodeJS.ProcessEnv;
  /** What failed, for the error: `The requirements of core cannot be resolved`. */
  what?: string;
}

/**
 * Creates the tools when they are missing or outdated; safe to call from several processes.
 * @throws SetupError when there is no Python, or the package index does not provide the tools;
 * CancelledError.
 */
export async function openToolbox(work: MakerWork): Promise<Toolbox> {
  const venvDir = join(work.scratchDir, 'tools');
  const stamp = join(venvDir, 'ktx-tools.txt');
  const wanted = TOOLS.join('\n');
  const python = venvExecutable(venvDir, 'python');
  await makeFolder(work.scratchDir);
  const lock = await waitForLock(join(work.scratchDir, 'tools.lock'), work.signal);
  try {
    const found = await readRegularText(stamp, { maxBytes: 10_000 }).catch(() => null);
    if (found !== wanted) {
      work.tell?.(`Installing ${TOOLS.join(' and ')} for the maker`);
      await rm(venvDir, { recursive: true, force: true });
      await run(work, systemPython(work), ['-m', 'venv', venvDir], { what: 'No environment could be made' });
      const install = ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', ...TOOLS];
      await run(work, python, install, { what: `The package index did not give ${TOOLS.join(' and ')}` });
      await writeFileAtomic(stamp, wanted);
    }
  } finally {
    lock.release();
  }
  const uv = venvExecutable(venvDir, 'uv');
  return {
    python,
    uv,
    run: (command, args, options) => run(work, command, args, options),
    runUv: (args, options = {}) =>
      run(work, uv, args, { ...options, env: uvEnvironment(work, python, options.env) }),
  };
}

/** Executable in a virtual environment, by its POSIX name. */
export function venvExecutable(venvDir: string, name: string): string {
  return process.platform === 'win32' ? join(venvDir, 'Scripts', `${name}.exe`) : join(venvDir, 'bin', name);
}

function systemPython({ python }: MakerWork): string {
  return python ?? (process.platform === 'win32' ? 'python' : 'python3');
}

async function waitForLock(path: string, signal: AbortSignal | undefined) {
  for (;;) {
    throwIfCancelled(signal);
    const lock = tryFileLock(path);
    if (lock) return lock;
    await delay(200);
  }
}

/**
 * uv must not search for a Python: one broken shim of a version manager would make it fail, and these wheels
 * are for every Python.
 */
function uvEnvironment(work: MakerWork, python: string, extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const index =
    process.env['UV_DEFAULT_INDEX'] ?? process.env['UV_INDEX_URL'] ?? process.env['PIP_INDEX_URL'];
  return {
    ...process.env,
    ...(index ? { UV_DEFAULT_INDEX: index } : {}),
    UV_NO_CONFIG: '1',
    UV_PYTHON: python,
    UV_PYTHON_DOWNLOADS: 'never',
    UV_CACHE_DIR: join(work.scratchDir, 'uv-cache'),
    ...extra,
  };
}

async function run(
  work: MakerWork,
  command: string,
  args: readonly string[],
  { env = process.env, what }: RunOptions = {},
): Promise<string> {
  const outcome = await runProcess({
    command,
    args,
    env: { ...env, PYTHONDONTWRITEBYTECODE: '1' },
    signal: work.signal,
    maxCaptureBytes: CAPTURE_BYTES,
  }).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new SetupError(`${command} was not found.`, {
      failureClass: 'platform',
      remedies: [otherRemedy('Install Python 3.11 or newer, or name it with --python <path>')],
      cause: error,
    });
  });
  if (outcome.exitCode === 0) return outcome.stdout;
  const said = outcome.stderr.trim().split('\n').filter(Boolean).slice(-SHOWN_LINES);
  throw new SetupError(
    `${what ?? `${command} failed`} (${command} ${args.slice(0, 2).join(' ')}: it ${endingText(outcome.exitCode, outcome.signal)}).`,
    {
      failureClass: 'internal',
      evidence: said,
    },
  );
}
