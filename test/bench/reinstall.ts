import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateRequirements } from '../../src/install/requirements.ts';
import { verifyRuntimeAsset } from '../../src/runtime/asset.ts';
import { readLockedAsset } from '../../src/runtime/locked-asset.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { type BenchRow, compare } from './bench-row.ts';

const PYTHON = '/usr/bin/python3';

/** What a second setup costs: on a runtime that is ready, and as a new environment from a full store. */
export async function reinstallBench(): Promise<BenchRow[]> {
  const index = await startLoopbackIndex(await openWheelhouse());
  const home = await mkdtemp(join(tmpdir(), 'ktx-bench-'));
  const env = { ...plainEnvironment(home), NODE_COMPILE_CACHE: join(home, 'compile-cache') };
  const setup = ['setup', '--yes', '--no-input', '--json', '--python', PYTHON, '--index-url', index.url];
  try {
    await run(process.execPath, [LAUNCHER, ...setup], env);
    const ready = await compare({
      name: 'ktx setup --yes on a ready runtime',
      yardstick: 'node -e 0',
      limit: 3,
      rounds: 15,
      run: () => run(process.execPath, [LAUNCHER, ...setup], env),
      runYardstick: () => run(process.execPath, ['-e', '0'], env),
    });
    const requirementsPath = await writeRequirements(home);
    let round = 0;
    const reinstall = await compare({
      name: 'core reinstall from a full store, the proof aside',
      yardstick: 'uv venv + uv pip install by hand, the same wheels, an empty cache',
      limit: 1.25,
      rounds: 7,
      run: () => withoutProof([LAUNCHER, ...setup, '--force'], env),
      runYardstick: () => byHand(home, requirementsPath, join(home, `hand-${round++}`), env),
    });
    return [ready, reinstall];
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
    await index.close();
  }
}

async function withoutProof(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const startedAt = performance.now();
  const stdout = await run(process.execPath, args, env);
  const durationMs = performance.now() - startedAt;
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const proof = events.find(
    (event) => event.type === 'step' && event.step === 'prove' && event.status === 'finished',
  );
  return durationMs - proof.durationMs;
}

async function byHand(
  home: string,
  requirementsPath: string,
  scratch: string,
  plain: NodeJS.ProcessEnv,
): Promise<void> {
  await mkdir(scratch);
  const uv = join(runtimeRootOf(home), 'uv', '0.11.21', 'uv');
  const env = { ...plain, UV_NO_CONFIG: '1', UV_OFFLINE: '1', UV_CACHE_DIR: join(scratch, 'cache') };
  await run(uv, ['venv', '--python', PYTHON, join(scratch, 'env')], env);
  const python = join(scratch, 'env', 'bin', 'python');
  await run(uv, ['pip', 'install', '--python', python, '--require-hashes', '-r', requirementsPath], env);
}

/** The file that somebody who wants the same would write: our own, with the stored wheels as find-links. */
async function writeRequirements(home: string): Promise<string> {
  const assetDir = join(PACKAGE_ROOT, 'assets', 'python');
  const [asset, locked] = await Promise.all([verifyRuntimeAsset({ assetDir }), readLockedAsset(assetDir)]);
  const store = join(runtimeRootOf(home), 'uv', 'store');
  const folders = (await readdir(store)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const path = join(home, 'requirements.txt');
  const text = generateRequirements({
    lockedRequirements: await locked!.readRequirements(['core']),
    artefactPaths: folders.map((name) => join(store, name, 'x')),
    distribution: asset.manifest.distributionName,
    extras: [],
    wheelPath: asset.wheelPath,
    wheelSha256: asset.manifest.wheel.sha256,
  });
  await writeFile(path, text);
  return path;
}

function runtimeRootOf(home: string): string {
  return join(home, '.ktx', 'runtime');
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(stdout) : reject(new Error(`${command} ${code}: ${stderr}`)),
    );
  });
}
