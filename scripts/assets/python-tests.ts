import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../../src/core/features.ts';
import { openToolbox, type Toolbox, venvExecutable } from '../../src/maker/toolbox.ts';
import { WORK } from './build-assets.ts';
import { ASSET_DIR, ROOT, SCRATCH_DIR, WHEEL_PROJECT } from './paths.ts';
import { testModel } from './test-model.ts';

const PYTEST = 'pytest==9.2.0';

/**
 * Installs the committed wheel with the locked requirements of each feature, as users get it, and runs the
 * wheel's tests there; then runs the tests of the wheel selection. Resolves with an exit code.
 */
export async function runPythonTests(): Promise<number> {
  const wheelTests = join(WHEEL_PROJECT, 'tests');
  const tools = await openToolbox(WORK);
  const env = { KTX_EMBEDDINGS_MODEL_DIR: await testModel(tools) };
  let exitCode = 0;
  for (const feature of RUNTIME_FEATURES) {
    exitCode = Math.max(exitCode, pytest(await testRuntime(feature, tools), wheelTests, env));
  }
  return Math.max(exitCode, pytest(await makerTools(tools), join(ROOT, 'test/assets')));
}

/** Python in an environment with one feature and its test dependencies. */
async function testRuntime(feature: KtxRuntimeFeature, tools: Toolbox): Promise<string> {
  const venvDir = join(SCRATCH_DIR, `test-runtime-${feature}`);
  const python = venvExecutable(venvDir, 'python');
  const { wheel, requirements } = JSON.parse(readFileSync(join(ASSET_DIR, 'manifest.json'), 'utf8'));
  const install = ['pip', 'install', '--quiet', '--python', python];
  await tools.runUv(['venv', '--quiet', '--clear', '--python', tools.python, venvDir]);
  await tools.runUv([...install, '--require-hashes', '-r', join(ASSET_DIR, requirements[feature].file)]);
  await tools.runUv([...install, '--no-deps', join(ASSET_DIR, wheel.file)]);
  const more = feature === 'core' ? [PYTEST] : ['--group', `${WHEEL_PROJECT}/pyproject.toml:test`];
  await tools.runUv([...install, ...more]);
  return python;
}

/** Python with the dependencies of the maker's scripts, and pytest. */
async function makerTools(tools: Toolbox): Promise<string> {
  const venvDir = join(SCRATCH_DIR, 'test-maker');
  const python = venvExecutable(venvDir, 'python');
  await tools.runUv(['venv', '--quiet', '--clear', '--python', tools.python, venvDir]);
  await tools.runUv(['pip', 'install', '--quiet', '--python', python, PYTEST, 'packaging==26.3']);
  return python;
}

function pytest(python: string, folder: string, env: NodeJS.ProcessEnv = {}): number {
  const args = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', folder];
  const options = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env };
  return spawnSync(python, args, { cwd: ROOT, env: options, stdio: 'inherit' }).status ?? 1;
}
