import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SCRATCH_DIR } from './paths.ts';

const UV_VERSION: string = JSON.parse(readFileSync(join(ROOT, 'scripts/pins.json'), 'utf8')).uv.version;
/** The uv that ktx carries, and what chooses and tests wheels. */
const TOOLS = [`uv==${UV_VERSION}`, 'packaging==26.3', 'pytest==9.2.0'];
const SYSTEM_PYTHON = process.platform === 'win32' ? 'python' : 'python3';

/** Runs a command to its end; its stderr goes to ours, its stdout is the result. @throws Error naming command and exit code. */
export function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  const result = spawnSync(command, args, {
    cwd: ROOT,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 256 * 2 ** 20,
  });
  if (result.error) throw result.error;
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status ?? result.signal}`);
  return result.stdout;
}

/** Executable of a virtual environment, by its name on POSIX. */
export function venvExecutable(venvDir: string, name: string): string {
  return process.platform === 'win32' ? join(venvDir, 'Scripts', `${name}.exe`) : join(venvDir, 'bin', name);
}

const VENV_DIR = join(SCRATCH_DIR, 'tools');
const STAMP = join(VENV_DIR, 'ktx-tools.txt');
const WANTED = TOOLS.join('\n');

/** Whether `toolbox` has nothing left to install. */
function isToolboxReady(): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === WANTED;
}

/** Python and uv of a private environment in the scratch folder; made when it is missing or holds other versions. */
export function toolbox(): { python: string; uv: string } {
  const python = venvExecutable(VENV_DIR, 'python');
  if (!isToolboxReady()) {
    mkdirSync(SCRATCH_DIR, { recursive: true });
    run(SYSTEM_PYTHON, ['-m', 'venv', '--clear', VENV_DIR]);
    run(python, ['-m', 'pip', 'install', '--quiet', '--only-binary', ':all:', ...TOOLS]);
    writeFileSync(STAMP, WANTED);
  }
  return { python, uv: venvExecutable(VENV_DIR, 'uv') };
}

/** Runs the pinned uv; no configuration file of this machine has a say, and it never fetches a Python. */
export function runUv(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return run(toolbox().uv, args, {
    ...process.env,
    UV_NO_CONFIG: '1',
    UV_PYTHON_DOWNLOADS: 'never',
    UV_CACHE_DIR: join(SCRATCH_DIR, 'uv-cache'),
    ...env,
  });
}
