import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { proveDaemon } from '../../src/install/prove.ts';
import type { SetupOptions } from '../../src/install/setup-options.ts';
import { findPidsByEnvironment } from '../../src/process/process-table.ts';
import { readEnvironments } from '../../src/runtime/environments.ts';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import type { LoopbackIndex } from '../fixtures/loopback-index.ts';
import { plainEnvironment } from '../fixtures/program.ts';

export const CLI_VERSION = '0.3.0';

export interface Ending {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  events: {
    type: string;
    text?: string;
    step?: string;
    status?: string;
    durationMs?: number;
    result?: { status: string };
    failure?: unknown;
  }[];
  stderr: string;
}

export interface Started {
  pid: number;
  ended: Promise<Ending>;
  send(signal: NodeJS.Signals): void;
  /** Until it has said so in a note. */
  noted(text: string): Promise<void>;
}

/** A machine of its own: a home, a runtime root, two sets of assets whose locks differ, a package index on loopback. */
export interface World {
  home: string;
  runtimeRoot: string;
  versionDir: string;
  /** Two asset directories: going from one to the other is an update. */
  assets: readonly [string, string];
  /** Those beside the program, whose digest it carries: used without `assetDir`. */
  bundledAssets: string;
  env: NodeJS.ProcessEnv;
  options(change?: Partial<SetupOptions>): SetupOptions;
  /** Starts a setup as a process; `send` reaches that process and none of its children. */
  start(options: SetupOptions, kill?: { atEntry?: number }): Started;
  /** Starts another function of the library. */
  call(name: string, options: object): Started;
  remove(): Promise<void>;
}

export async function makeWorld(index: Pick<LoopbackIndex, 'url'>): Promise<World> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ktx-faults-')));
  const runtimeRoot = join(home, 'run time é');
  const assets = [join(home, 'assets-a'), join(home, 'assets-b')] as const;
  for (const [position, assetDir] of assets.entries()) await writeAssets(assetDir, position);
  // A copy: whoever builds meanwhile takes the chunks away that a running program has still to load.
  const program = join(home, 'program');
  await cp(join(PACKAGE_ROOT, 'dist'), join(program, 'dist'), { recursive: true });
  await writeFile(join(program, 'package.json'), '{"type":"module"}');
  const bundledAssets = join(program, 'assets', 'python');
  await copyAssets(bundledAssets);
  const env = plainEnvironment(home, { KTX_TEST_LIBRARY: join(program, 'dist', 'index.js') });
  return {
    home,
    runtimeRoot,
    versionDir: join(runtimeRoot, CLI_VERSION),
    assets,
    bundledAssets,
    env,
    options: (change = {}) => ({
      cliVersion: CLI_VERSION,
      features: ['core'],
      runtimeRoot,
      homeDir: home,
      assetDir: assets[0],
      indexUrl: index.url,
      python: { path: '/usr/bin/python3' },
      ...change,
    }),
    start: (options, kill = {}) => startProgram('runSetup', options, env, kill.atEntry),
    call: (name, options) => startProgram(name, options, env),
    remove: () => rm(home, { recursive: true, force: true, maxRetries: 3 }),
  };
}

function startProgram(name: string, options: object, env: NodeJS.ProcessEnv, killAtEntry?: number): Started {
  const tests = join(PACKAGE_ROOT, 'test');
  const hook = killAtEntry ? ['--import', join(tests, 'fixtures', 'kill-at-journal.mjs')] : [];
  const args = [...hook, join(tests, 'faults', 'victim.mjs'), name, JSON.stringify(options)];
  const child = spawn(process.execPath, args, {
    env: { ...env, KTX_TEST_KILL_AT_ENTRY: String(killAtEntry ?? 0) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode, signal) => {
      const finish = () => {
        const lines = stdout.split('\n').filter(Boolean);
        resolve({ exitCode, signal, events: lines.map((line) => JSON.parse(line)), stderr });
      };
      // The output of a killed one may be kept open by what it leaves behind.
      if (signal === null) child.once('close', finish);
      else finish();
    });
  });
  return {
    pid: child.pid!,
    ended,
    send: (signal) => void child.kill(signal),
    async noted(text) {
      while (!stdout.includes(text)) {
        if (child.exitCode !== null) throw new Error(`it ended without saying ${text}: ${stdout}${stderr}`);
        await once(child.stdout, 'data');
      }
    },
  };
}

async function copyAssets(assetDir: string): Promise<void> {
  await mkdir(assetDir, { recursive: true });
  await cp(join(PACKAGE_ROOT, 'assets', 'python'), assetDir, {
    recursive: true,
    filter: (path) => !path.includes('assets/python/wheel'),
  });
}

async function writeAssets(assetDir: string, position: number): Promise<void> {
  await copyAssets(assetDir);
  const lockPath = join(assetDir, 'lock.json');
  const text = `${await readFile(lockPath, 'utf8')}${'\n'.repeat(position)}`;
  await writeFile(lockPath, text);
  const manifestPath = join(assetDir, 'manifest.json');
  const manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
  manifest.lock.sha256 = createHash('sha256').update(text).digest('hex');
  await writeFile(manifestPath, JSON.stringify(manifest));
}

export type Answer = 'none' | 'old' | 'new';

/** What status says, and whether it is true: a runtime that is called ready answers `/health`. */
export async function whoAnswers(world: World, oldEnvironment: string | null): Promise<Answer> {
  const status = await readManagedPythonRuntimeStatus({
    cliVersion: CLI_VERSION,
    runtimeRoot: world.runtimeRoot,
  });
  if (status.kind === 'missing' && oldEnvironment === null) return 'none';
  if (status.kind !== 'ready') throw new Error(`status says ${status.kind}: ${status.detail}`);
  const { venvDir, pythonPath, daemonPath } = status.layout;
  await proveDaemon({
    environmentDir: venvDir,
    pythonPath,
    daemonPath,
    cliVersion: CLI_VERSION,
    env: plainEnvironment('/nowhere'),
  });
  return venvDir === oldEnvironment ? 'old' : 'new';
}

export async function activeEnvironment(world: World): Promise<string | null> {
  const { kind, layout } = await readManagedPythonRuntimeStatus({
    cliVersion: CLI_VERSION,
    runtimeRoot: world.runtimeRoot,
  });
  return kind === 'ready' ? layout.venvDir : null;
}

/** Processes that the world started, by the home in their environment. */
export function processesOf(world: World): number[] {
  return findPidsByEnvironment(`HOME=${world.home}`);
}

/** Everything in the runtime root that a finished setup does not leave. */
export async function strays(world: World): Promise<string[]> {
  const { active, other } = await readEnvironments(world.versionDir);
  const kept = new Set([active.kind === 'id' ? active.id : '', other]);
  const found: string[] = [];
  const expect = async (folder: string, isKnown: (name: string) => boolean) => {
    const names = await readdir(join(world.runtimeRoot, folder)).catch(() => []);
    found.push(...names.filter((name) => !isKnown(name)).map((name) => join(folder, name)));
  };
  const among =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name);
  await expect('', among(CLI_VERSION, 'uv'));
  await expect(CLI_VERSION, among('.venv', 'envs', 'install.log', 'manifest.json'));
  await expect(join(CLI_VERSION, 'envs'), (name) => kept.has(name));
  await expect('uv', among('0.11.21', 'store', 'locks', 'runs', 'logs', 'known-files'));
  await expect(join('uv', '0.11.21'), among('uv', 'uv.verified'));
  await expect(join('uv', 'store'), (name) => /^[0-9a-f]{64}$/.test(name));
  await expect(join('uv', 'runs'), () => false);
  return found;
}
