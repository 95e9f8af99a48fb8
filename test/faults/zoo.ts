import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { embeddingsModelDir } from '../../src/core/model-folder-path.ts';
import type { DoctorReport } from '../../src/doctor/report-schema.ts';
import { MANAGED_UV_VERSION } from '../../src/uv/release.ts';
import { LAUNCHER, plainEnvironment, runProgram } from '../fixtures/program.ts';
import { ZOO, type ZooPaths, type ZooState } from './zoo-states.ts';

export interface ZooRow {
  state: string;
  found: string;
  repairs: string;
  network: 'none' | 'used' | '-';
  problems: string[];
}

/** A real runtime, and a copy of it that is put back before each state. */
export interface ZooWorld {
  home: string;
  paths: ZooPaths;
  env: NodeJS.ProcessEnv;
  hasEmbeddings: boolean;
  uid?: number | undefined;
  reset(): Promise<void>;
  remove(): Promise<void>;
}

/** What runs, and what a setup writes beside the runtime; none of it belongs to the state. */
const VOLATILE =
  /^(?:uv\/(?:locks|runs|known-files|store|logs|backups|[\d.]+\/uv\.verified)|[\d.]+\/(?:install\.log|history\.jsonl))(?:\/|$)|\.replaced(?:\/|$)/;

export async function openZoo(feature: 'core' | 'local-embeddings'): Promise<ZooWorld> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'ktx-zoo-')));
  const root = join(home, 'runtime');
  const project = join(home, 'project');
  const env = plainEnvironment(home, { KTX_RUNTIME_ROOT: root, TMPDIR: tmpdir() });
  execFileSync('mkdir', ['-p', project]);
  await writeFile(join(project, 'ktx.yaml'), '');
  const args = [
    'setup',
    '--yes',
    '--no-input',
    '--json',
    '--feature',
    feature,
    '--python',
    '/usr/bin/python3',
  ];
  const setup = await runProgram(args, { env, cwd: project });
  if (setup.exitCode !== 0) throw new Error(`setup: ${setup.stdout.slice(-3000)}${setup.stderr}`);
  const version = (await readdir(root)).find((name) => name !== 'uv')!;
  const versionDir = join(root, version);
  const manifest = join(versionDir, 'manifest.json');
  const { python } = JSON.parse(await readFile(manifest, 'utf8'));
  const environmentDir = dirname(dirname(python.executable));
  const [lib] = await readdir(join(environmentDir, 'lib'));
  const paths: ZooPaths = {
    root,
    version,
    versionDir,
    env: environmentDir,
    sitePackages: join(environmentDir, 'lib', lib!, 'site-packages'),
    manifest,
    uv: join(root, 'uv', MANAGED_UV_VERSION, 'uv'),
    model: embeddingsModelDir(root),
    daemonState: join(project, '.ktx', 'runtime', 'daemon.json'),
  };
  execFileSync('cp', ['-a', root, join(home, 'whole')]);
  return {
    home,
    paths,
    env,
    hasEmbeddings: feature === 'local-embeddings',
    async reset() {
      for (const name of await readdir(home))
        if (/^runtime/.test(name)) await rm(join(home, name), { recursive: true, force: true });
      await rm(join(project, '.ktx'), { recursive: true, force: true });
      execFileSync('cp', ['-a', join(home, 'whole'), root]);
    },
    remove: () => rm(home, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** Two damages of which the second finds nothing left to damage. */
export class IncompatibleStates extends Error {}

/**
 * Damages, looks, repairs, looks again, undoes: what went otherwise than promised is a problem.
 * @throws IncompatibleStates.
 */
export async function zooRow(world: ZooWorld, states: readonly ZooState[]): Promise<ZooRow> {
  await world.reset();
  const row: ZooRow = {
    state: states.map(({ name }) => name).join(' + '),
    found: '',
    repairs: '',
    network: '-',
    problems: [],
  };
  const cleanups: unknown[] = [];
  const uid = states.find((state) => state.uid !== undefined)?.uid;
  try {
    if (uid !== undefined) execFileSync('chown', ['-R', String(uid), world.home]);
    for (const [position, state] of states.entries()) {
      try {
        cleanups.push(await state.damage(world.paths));
      } catch (error) {
        throw position === 0 ? error : new IncompatibleStates();
      }
    }
    const env = Object.assign({}, world.env, ...states.map((state) => state.env));
    await examine({ ...world, env, uid }, states, row);
  } catch (error) {
    if (error instanceof IncompatibleStates) throw error;
    row.problems.push(String(error));
  } finally {
    for (const cleanup of cleanups) if (typeof cleanup === 'function') await cleanup();
  }
  return row;
}

async function examine(world: ZooWorld, states: readonly ZooState[], row: ZooRow): Promise<void> {
  const { problems } = row;
  const isPair = states.length > 1;
  const deep = states.some(({ needs }) => needs === 'deep')
    ? ['--check', 'digests', '--check', 'leftovers']
    : [];
  const before = await treeOf(world.paths);
  const report = await doctor(world, deep);
  if (!isSame(before, await treeOf(world.paths), 'times')) problems.push('the checks changed something');
  const found = findings(report);
  row.found = found.join(', ');
  const expected = [...new Set(states.flatMap(({ finds }) => finds))];
  const isRight = isPair
    ? found.length > 0 && found.every((id) => isExplained(id, expected))
    : sameSet(found, expected);
  if (!isRight) problems.push(`found ${found.join(', ') || 'nothing'} instead of ${expected.join(', ')}`);
  if (!isPair) {
    const offered = report.checks.find(({ id }) => id === expected[0])?.repairs?.[0] ?? null;
    if (offered !== states[0]!.repair) problems.push(`offers ${offered} instead of ${states[0]!.repair}`);
  }
  if (states.every(({ repair }) => repair === null)) return;

  const isOffline =
    states.every((state) => state.isOffline !== false) &&
    !(isPair && states.some(({ emptiesStore }) => emptiesStore));
  row.network = isOffline ? 'none' : 'used';
  const kept = await treeOf(world.paths);
  const feature = deep.length > 0 ? ['--deep'] : [];
  const fixed = await doctor(
    world,
    [...feature, '--fix', '--yes', ...(isOffline ? ['--offline'] : [])],
    isOffline,
  );
  row.repairs = (fixed.applied ?? []).join(', ');
  const left = findings(fixed).filter((id) => !states.some(({ remains = [] }) => remains.includes(id)));
  const unmendable = states.filter(({ repair }) => repair === null).flatMap(({ finds }) => finds);
  const open = left.filter((id) => !unmendable.includes(id));
  if (open.length > 0) problems.push(`after the repair: ${open.map((id) => detailOf(fixed, id)).join('; ')}`);
  const again = findings(await doctor(world, deep)).filter(
    (id) => !unmendable.includes(id) && !states.some(({ remains = [] }) => remains.includes(id)),
  );
  if (again.length > 0) problems.push(`a second look finds ${again.join(', ')}`);
  if ((fixed.applied ?? []).length === 0 || states.some(({ isFinal }) => isFinal)) return;

  const undone = await command(world, ['doctor', '--undo', '--yes', '--json']);
  if (undone.exitCode !== 0) problems.push(`undo: ${undone.stderr.trim().split('\n')[0]}`);
  const difference = differenceOf(kept, await treeOf(world.paths));
  if (difference !== null) problems.push(`undo left a difference: ${difference}`);
}

/** A fault may hide the finding of another one below it, and show one more above it. */
function isExplained(id: string, expected: readonly string[]): boolean {
  return expected.includes(id) || (id === 'leftovers' && expected.includes('runtime'));
}

function findings(report: DoctorReport): string[] {
  return report.checks
    .filter(({ status }) => ['fail', 'warn', 'could-not-check'].includes(status))
    .map(({ id }) => id);
}

function detailOf(report: DoctorReport, id: string): string {
  const check = report.checks.find((each) => each.id === id);
  return `${id} ${check?.status} (${check?.detail})`;
}

async function doctor(world: ZooWorld, args: readonly string[], isOffline = false): Promise<DoctorReport> {
  const { stdout, stderr } = await command(world, ['doctor', '--json', ...args], isOffline);
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`ktx doctor ${args.join(' ')}: ${stdout.slice(0, 800)} ${stderr.slice(-600)}`);
  }
}

/** Offline is a network namespace that has nothing but its own loopback. */
export function command(
  world: ZooWorld,
  args: readonly string[],
  isOffline = false,
  under: readonly string[] = [],
) {
  const program = [...under, process.execPath, LAUNCHER, ...args];
  const user = String(world.uid);
  const line =
    world.uid === undefined
      ? program
      : ['setpriv', '--reuid', user, '--regid', user, '--clear-groups', ...program];
  const wrapped = isOffline
    ? ['unshare', '-n', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh', ...line]
    : line;
  const [first, ...rest] = wrapped as [string, ...string[]];
  return new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    execFile(
      first,
      rest,
      { env: world.env, cwd: join(world.home, 'project'), maxBuffer: 64 << 20 },
      (error, stdout, stderr) => resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

type Tree = Map<string, { what: string; times: string }>;

export async function treeOf(paths: ZooPaths): Promise<Tree> {
  const tree: Tree = new Map();
  for (const start of [paths.root, dirname(dirname(paths.daemonState))])
    await add(tree, dirname(start), start);
  return tree;
}

async function add(tree: Tree, base: string, path: string): Promise<void> {
  const status = await lstat(path, { bigint: true }).catch(() => null);
  if (status === null) return;
  const name = path.slice(base.length + 1).replace(/^runtime\/?/, '');
  const kind = status.isDirectory()
    ? 'folder'
    : status.isSymbolicLink()
      ? 'link'
      : status.isFile()
        ? 'file'
        : 'other';
  const content =
    kind === 'file'
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : kind === 'link'
        ? await readlink(path)
        : '';
  const what = `${kind} ${(status.mode & 0o7777n).toString(8)} ${status.uid} ${content}`;
  tree.set(name === '' ? basename(path) : name, { what, times: `${status.mtimeNs} ${status.ctimeNs}` });
  if (kind === 'folder') for (const entry of await readdir(path)) await add(tree, base, join(path, entry));
}

export function isSame(a: Tree, b: Tree, by: 'what' | 'times'): boolean {
  return a.size === b.size && [...a].every(([name, entry]) => b.get(name)?.[by] === entry[by]);
}

export function differenceOf(a: Tree, b: Tree): string | null {
  const isVolatile = (name: string) => VOLATILE.test(name) || name === 'uv';
  // Of a folder that was not there only downloads and logs may be left.
  const isEmptyBut = (folder: string) =>
    b.get(folder)!.what.startsWith('folder') &&
    (folder === 'runtime' ||
      [...b.keys()].every((name) => !name.startsWith(`${folder}/`) || isVolatile(name)));
  for (const [name, { what }] of a)
    if (!isVolatile(name) && b.get(name)?.what !== what)
      return `${name} was ${what}, is ${b.get(name)?.what ?? 'gone'}`;
  for (const name of b.keys())
    if (!isVolatile(name) && !a.has(name) && !isEmptyBut(name)) return `${name} is new`;
  return null;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value) => b.includes(value));
}

export function statesFor(world: ZooWorld): ZooState[] {
  const isRoot = process.getuid?.() === 0;
  return ZOO.filter(
    ({ needs }) => (needs === 'embeddings') === world.hasEmbeddings && (needs !== 'root' || isRoot),
  );
}

export function zooTable(rows: readonly ZooRow[]): string {
  const width = Math.max(...rows.map(({ state }) => state.length));
  const lines = rows.map(
    ({ state, found, repairs, network, problems }) =>
      `${problems.length === 0 ? 'ok  ' : 'BAD '} ${state.padEnd(width)}  ${found.padEnd(24)} ${repairs.padEnd(38)} ${network.padEnd(5)}${problems.map((text) => `\n       ${text}`).join('')}`,
  );
  const good = rows.filter(({ problems }) => problems.length === 0).length;
  return [...lines, `${good} of ${rows.length} as promised`].join('\n');
}
