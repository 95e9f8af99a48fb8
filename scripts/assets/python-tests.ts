import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ASSET_DIR, ROOT, SCRATCH_DIR, WHEEL_PROJECT } from './paths.ts';
import { runUv, toolbox, venvExecutable } from './toolbox.ts';

/**
 * Installs the committed wheel with its locked requirements, as users get it, and runs the wheel's tests there; then
 * the tests of the wheel selection. The result is an exit code.
 */
export function runPythonTests(): number {
  const tools = toolbox();
  const venvDir = join(SCRATCH_DIR, 'test-runtime');
  const python = venvExecutable(venvDir, 'python');
  const { wheel, requirements } = JSON.parse(readFileSync(join(ASSET_DIR, 'manifest.json'), 'utf8'));
  const install = ['pip', 'install', '--quiet', '--python', python];
  runUv(['venv', '--quiet', '--clear', '--python', tools.python, venvDir]);
  runUv([...install, '--require-hashes', '-r', join(ASSET_DIR, requirements.core.file)]);
  runUv([...install, '--no-deps', join(ASSET_DIR, wheel.file)]);
  runUv([...install, 'pytest==9.2.0']);
  return Math.max(
    pytest(python, join(WHEEL_PROJECT, 'tests')),
    pytest(tools.python, join(ROOT, 'test/assets')),
  );
}

function pytest(python: string, folder: string): number {
  const args = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', folder];
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  return spawnSync(python, args, { cwd: ROOT, env, stdio: 'inherit' }).status ?? 1;
}
