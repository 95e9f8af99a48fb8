import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../../src/core/features.ts';
import { ASSET_DIR, ROOT, SCRATCH_DIR, WHEEL_PROJECT } from './paths.ts';
import { testModel } from './test-model.ts';
import { runUv, toolbox, venvExecutable } from './toolbox.ts';

/**
 * Installs the committed wheel with the locked requirements of each feature, as users get it, and runs the wheel's
 * tests there; then the tests of the wheel selection. The result is an exit code.
 */
export async function runPythonTests(): Promise<number> {
  const wheelTests = join(WHEEL_PROJECT, 'tests');
  const env = { KTX_EMBEDDINGS_MODEL_DIR: await testModel() };
  return Math.max(
    ...RUNTIME_FEATURES.map((feature) => pytest(testRuntime(feature), wheelTests, env)),
    pytest(toolbox().python, join(ROOT, 'test/assets')),
  );
}

/** Python of an environment with one feature and what its tests need. */
function testRuntime(feature: KtxRuntimeFeature): string {
  const venvDir = join(SCRATCH_DIR, `test-runtime-${feature}`);
  const python = venvExecutable(venvDir, 'python');
  const { wheel, requirements } = JSON.parse(readFileSync(join(ASSET_DIR, 'manifest.json'), 'utf8'));
  const install = ['pip', 'install', '--quiet', '--python', python];
  runUv(['venv', '--quiet', '--clear', '--python', toolbox().python, venvDir]);
  runUv([...install, '--require-hashes', '-r', join(ASSET_DIR, requirements[feature].file)]);
  runUv([...install, '--no-deps', join(ASSET_DIR, wheel.file)]);
  const tools = feature === 'core' ? ['pytest==9.2.0'] : ['--group', `${WHEEL_PROJECT}/pyproject.toml:test`];
  runUv([...install, ...tools]);
  return python;
}

function pytest(python: string, folder: string, env: NodeJS.ProcessEnv = {}): number {
  const args = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', folder];
  const options = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env };
  return spawnSync(python, args, { cwd: ROOT, env: options, stdio: 'inherit' }).status ?? 1;
}
