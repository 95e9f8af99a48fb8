import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findDifferences, listDistributions, readRecords } from '../../src/python/record-files.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { LAUNCHER } from '../fixtures/program.ts';
import { findInterpreters } from '../kernel/interpreters.ts';
import { openZoo } from './zoo.ts';
import type { ZooPaths, ZooState } from './zoo-state.ts';
import { ZOO } from './zoo-states.ts';

/**
 * `node test/faults/peers-doctor.ts [pattern]`: the same wheel installed by ktx and by pipx, the same damage to both environments, and what
 * `ktx doctor` and `pipx health` make of it. Whether an environment is whole afterwards is judged here, by neither of them.
 */
interface Tool {
  name: string;
  paths: ZooPaths;
  /** Where its environment is now: a repair may have made another one. */
  environment(): Promise<string>;
  reset(): Promise<void>;
  /** `true`: it says that nothing is wrong. */
  isContent(isDeep: boolean): Promise<boolean>;
  repair(isDeep: boolean): Promise<void>;
  remove(): Promise<void>;
}

interface PeerRow {
  found: boolean;
  mended: boolean;
  /** It looked again itself, and was right. */
  proven: boolean;
  /** It says that all is well, and it is not. */
  misled: boolean;
}

const CHECKS = ['interpreter', 'packages', 'files', 'digests', 'entry-point', 'runtime'];
/** Of ktx alone: versions of ktx and schemas of its manifest. */
const OWN = /^manifest (?:of another|names)|^environment is a link outside/;
const COMMAND_LIMIT_MS = 120_000;

function run(argv: readonly string[], env: NodeJS.ProcessEnv, cwd: string) {
  const [file, ...args] = argv as [string, ...string[]];
  return new Promise<{ isDone: boolean; stdout: string; stderr: string }>((resolve) => {
    const options = {
      env,
      cwd,
      timeout: COMMAND_LIMIT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: 64 << 20,
    } as const;
    execFile(file, args, options, (error, stdout, stderr) =>
      resolve({ isDone: error === null, stdout, stderr }),
    );
  });
}

async function openKtx(): Promise<Tool> {
  const world = await openZoo('core');
  const cwd = join(world.home, 'project');
  const ktx = (...args: string[]) => run([process.execPath, LAUNCHER, 'doctor', ...args], world.env, cwd);
  const deep = (isDeep: boolean) => (isDeep ? ['--deep'] : []);
  return {
    name: 'ktx',
    paths: world.paths,
    async environment() {
      const { python } = JSON.parse(await readFile(world.paths.manifest, 'utf8'));
      return dirname(dirname(python.executable));
    },
    reset: world.reset,
    isContent: async (isDeep) => (await ktx(...deep(isDeep))).isDone,
    repair: async (isDeep) => void (await ktx(...deep(isDeep), '--fix', '--yes')),
    remove: world.remove,
  };
}

/** pipx itself comes from the index, into a virtual environment of its own. */
async function openPipx(): Promise<Tool> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ktx-pipx-')));
  const python = findInterpreters().findLast(({ minor, path }) => path !== null && minor !== '3.9')?.path;
  if (!python) throw new Error('pipx needs Python 3.10 or newer');
  const own = join(home, 'own');
  execFileSync(python, ['-m', 'venv', own]);
  execFileSync(join(own, 'bin', 'pip'), ['install', '--quiet', 'pipx'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const root = join(home, 'pipx');
  const env = {
    PATH: `${join(own, 'bin')}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    LANG: 'C.UTF-8',
    PIPX_HOME: root,
    PIPX_BIN_DIR: join(home, 'bin'),
    PIPX_MAN_DIR: join(home, 'man'),
    PIPX_DEFAULT_PYTHON: python,
    PIPX_DEFAULT_BACKEND: 'pip',
  };
  const pipx = (...args: string[]) => run([join(own, 'bin', 'pipx'), ...args], env, home);
  const assets = join(PACKAGE_ROOT, 'assets', 'python');
  const wheel = (await readdir(assets)).find((name) => name.endsWith('.whl'))!;
  await mkdir(root);
  const installed = await pipx('install', join(assets, wheel));
  if (!installed.isDone) throw new Error(`pipx install: ${installed.stderr}`);
  const name = (await readdir(join(root, 'venvs'))).find((entry) => !entry.startsWith('.'));
  const environment = join(root, 'venvs', name!);
  const [lib] = await readdir(join(environment, 'lib'));
  const whole = join(home, 'whole');
  execFileSync('cp', ['-a', root, whole]);
  const manifest = join(environment, 'pipx_metadata.json');
  const paths: ZooPaths = {
    root,
    version: '',
    versionDir: join(root, 'venvs'),
    env: environment,
    sitePackages: join(environment, 'lib', lib!, 'site-packages'),
    manifest,
    uv: '',
    model: '',
    daemonState: join(home, 'none', 'daemon.json'),
  };
  return {
    name: `pipx ${(await pipx('--version')).stdout.trim()}`,
    paths,
    environment: async () => environment,
    async reset() {
      await rm(root, { recursive: true, force: true });
      execFileSync('cp', ['-a', whole, root]);
    },
    isContent: async () => (await pipx('health')).isDone,
    repair: async () => void (await pipx('repair')),
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

/** Packages as they were, files equal to their records, and programs that run. */
async function isWhole(environment: string, packages: readonly string[]): Promise<boolean> {
  try {
    const bin = join(environment, 'bin');
    const [lib] = await readdir(join(environment, 'lib'));
    const sitePackages = join(environment, 'lib', lib!, 'site-packages');
    const found = (await listDistributions(sitePackages)).map(({ folder }) => folder).sort();
    if (found.join() !== packages.join()) return false;
    const { files, problems } = await readRecords(sitePackages);
    const signal = new AbortController().signal;
    const differences = await findDifferences(sitePackages, files, signal);
    if (problems.length > 0 || differences.length > 0) return false;
    const imports = [
      '-I',
      '-B',
      '-c',
      `import sys, ktx_daemon, semantic_layer; assert sys.prefix != sys.base_prefix`,
    ];
    for (const argv of [
      [join(bin, 'python'), ...imports],
      [join(bin, 'ktx-daemon'), '--help'],
    ])
      if (!(await run(argv, { PATH: '/usr/bin:/bin', PYTHONDONTWRITEBYTECODE: '1' }, environment)).isDone)
        return false;
    const config = await readFile(join(environment, 'pyvenv.cfg'), 'utf8');
    const { stdout } = await run([join(bin, 'python'), '-V'], {}, environment);
    return config.includes(` = ${stdout.trim().replace('Python ', '')}`);
  } catch {
    return false;
  }
}

async function packagesOf({ paths }: Tool): Promise<string[]> {
  return (await listDistributions(paths.sitePackages)).map(({ folder }) => folder).sort();
}

async function rowOf(tool: Tool, state: ZooState, packages: readonly string[]): Promise<PeerRow> {
  await tool.reset();
  const isDeep = state.needs === 'deep';
  const cleanup = await state.damage(tool.paths);
  try {
    const found = !(await tool.isContent(isDeep));
    await tool.repair(isDeep);
    const mended = await isWhole(await tool.environment().catch(() => ''), packages);
    const isContent = await tool.isContent(isDeep);
    return { found, mended, proven: found && mended && isContent, misled: isContent && !mended };
  } finally {
    if (typeof cleanup === 'function') await cleanup();
  }
}

const wanted = new RegExp(process.argv[2] ?? '');
const states = ZOO.filter(
  ({ name, finds, needs }) =>
    wanted.test(name) &&
    !OWN.test(name) &&
    finds.every((id) => CHECKS.includes(id)) &&
    (needs ?? 'deep') === 'deep',
);
const tools = [await openKtx(), await openPipx()];
try {
  const packages = await Promise.all(tools.map(packagesOf));
  const rows: PeerRow[][] = tools.map(() => []);
  const cell = (row: PeerRow) =>
    [
      row.found ? 'found' : '-',
      row.mended ? 'mended' : '-',
      row.proven ? 'proven' : row.misled ? 'MISLED' : '-',
    ]
      .map((text) => text.padEnd(7))
      .join('');
  console.log(`${'damage'.padEnd(42)}${tools.map(({ name }) => name.padEnd(24)).join('')}`);
  for (const tool of tools) {
    await tool.reset();
    if (!(await isWhole(tool.paths.env, packages[tools.indexOf(tool)]!)))
      throw new Error(`${tool.name} is not whole`);
  }
  for (const state of states) {
    const cells: string[] = [];
    for (const [at, tool] of tools.entries()) {
      const row = await rowOf(tool, state, packages[at]!);
      rows[at]!.push(row);
      cells.push(cell(row).padEnd(24));
    }
    console.log(`${state.name.padEnd(42)}${cells.join('')}`);
  }
  for (const [at, { name }] of tools.entries()) {
    const count = (key: keyof PeerRow) => rows[at]!.filter((row) => row[key]).length;
    const of = `of ${states.length}`;
    console.log(
      `${name}: found ${count('found')}, mended ${count('mended')}, proven ${count('proven')} ${of}; said all was well when it was not: ${count('misled')}`,
    );
  }
} finally {
  for (const tool of tools) await tool.remove();
}
