import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { KtxRuntimeFeature } from '../../src/core/features.ts';
import { embeddingsModelDir } from '../../src/core/model-folder-path.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { managedUvPath } from '../../src/uv/location.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const run = promisify(execFile);
const WHEEL = join(PACKAGE_ROOT, 'assets', 'python', 'wheel');
const NEEDS_ENGINE = /the extra local-embeddings is not installed in this interpreter/;
const NEEDS_OTHERS = /Postgres is not installed|root reads everything/;

/** What runs in a runtime with the engine alone; the rest runs in the one with core. */
const ENGINE_TESTS = ['test_engine.py', 'test_graph.py'];

/** Runs tests of the wheel in a runtime that a set-up made, with the packages of its lock. */
async function testWheel(feature: KtxRuntimeFeature, files: readonly string[]): Promise<string> {
  const home = await temporaryFolder();
  const env = plainEnvironment(home);
  const setUp = await runProgram(['setup', '--yes', '--no-input', '--json', '--feature', feature], { env });
  expect(setUp.exitCode).toBe(0);
  const status = await runProgram(['admin', 'runtime', 'status', '--json'], { env });
  const { pythonPath } = JSON.parse(status.stdout).layout;
  const target = join(home, 'test-packages');
  // What the machine trusts, as pip and our own client do.
  const withIndex = { ...process.env, UV_SYSTEM_CERTS: '1', UV_CACHE_DIR: join(home, 'uv-cache') };
  const packages = [
    '--python',
    pythonPath,
    '--target',
    target,
    '--group',
    join(WHEEL, 'pyproject.toml:test'),
  ];
  await run(managedUvPath({ homeDir: home, env: {} }), ['pip', 'install', ...packages], { env: withIndex });
  const pytest = ['-B', '-m', 'pytest', '-q', '-rs', '-p', 'no:cacheprovider'];
  const withModel = { KTX_EMBEDDINGS_MODEL_DIR: embeddingsModelDir(join(home, '.ktx', 'runtime')) };
  const { stdout } = await run(pythonPath, [...pytest, ...files.map((file) => join(WHEEL, 'tests', file))], {
    env: { ...env, ...(feature === 'core' ? {} : withModel), PYTHONPATH: target },
    cwd: home,
  }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${error.stdout}\n${error.stderr}`);
  });
  return stdout;
}

function expectPassed(stdout: string, isSkippable: RegExp): void {
  expect(stdout).toMatch(/\d+ passed/);
  expect(stdout).not.toContain('failed');
  for (const line of stdout.split('\n').filter((text) => text.startsWith('SKIPPED')))
    expect(line).toMatch(isSkippable);
}

it("the wheel's own tests pass inside a runtime with core", { timeout: 900_000 }, async () => {
  const isSkippable = new RegExp(`${NEEDS_ENGINE.source}|${NEEDS_OTHERS.source}`);
  expectPassed(await testWheel('core', ['']), isSkippable);
});

it('those of the engine pass inside a runtime with embeddings', { timeout: 900_000 }, async () => {
  expectPassed(await testWheel('local-embeddings', ENGINE_TESTS), NEEDS_OTHERS);
});
