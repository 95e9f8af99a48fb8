import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, realpath, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { embeddingsModelDir } from '../../src/core/model-folder-path.ts';
import type { DoctorReport } from '../../src/doctor/report-schema.ts';
import { MANAGED_UV_VERSION } from '../../src/uv/release.ts';
import { LAUNCHER, plainEnvironment, runProgram } from '../fixtures/program.ts';
import type { ZooPaths, ZooState } from './zoo-state.ts';
import { ZOO } from './zoo-states.ts';
import { keepTemplate } from './zoo-template.ts';
import { differenceOf, isSame, treeOf } from './zoo-tree.ts';

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
  under?: readonly string[] | undefined;
  umask?: number | undefined;
  reset(): Promise<void>;
  remove(): Promise<void>;
}

/** Memory, where there is enough of it: a row copies, links and syncs thousands of files. */
const MEMORY = '/dev/shm';
const ENOUGH_BYTES = 4e9;

async function worldFolder(): Promise<string> {
  const found = await statfs(MEMORY).catch(() => null);
  const isRoomy = found !== null && found.bavail * found.bsize > ENOUGH_BYTES;
  return realpath(await mkdtemp(join(isRoomy ? MEMORY : tmpdir(), 'ktx-zoo-')));
}

export async function openZoo(feature: 'core' | 'local-embeddings'): Promise<ZooWorld> {
  const home = await worldFolder();
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
  const putBack = await keepTemplate(root, join(home, 'template'));
  return {
    home,
    paths,
    env,
    hasEmbeddings: feature === 'local-embeddings',
    async reset() {
      for (const name of await readdir(home))
        if (/^runtime/.test(name)) await rm(join(home, name), { recursive: true, force: true });
      await rm(join(project, '.ktx'), { recursive: true, force: true });
      await putBack();
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
  const row: ZooRow = {
    state: states.map(({ name }) => name).join(' + '),
    found: '',
    repairs: '',
    network: '-',
    problems: [],
  };
  try {
    await damaged(world, states, (found) => examine(found, states, row));
  } catch (error) {
    if (error instanceof IncompatibleStates) throw error;
    row.problems.push(String(error));
  }
  return row;
}

/** Puts a whole runtime in place, damages it, and puts the world right again after the action. @throws IncompatibleStates. */
export async function damaged(
  world: ZooWorld,
  states: readonly ZooState[],
  action: (world: ZooWorld) => Promise<void>,
): Promise<void> {
  await world.reset();
  const cleanups: unknown[] = [];
  const uid = states.find((state) => state.uid !== undefined)?.uid;
  const give = (to: number | undefined) => {
    if (uid === undefined) return;
    const project = join(world.home, 'project');
    execFileSync('chown', [String(to), world.home]);
    execFileSync('chown', ['-R', String(to), project, world.paths.root]);
  };
  try {
    give(uid);
    for (const [position, state] of states.entries()) {
      try {
        cleanups.push(await orUnblocked(state.damage(world.paths), world));
      } catch (error) {
        throw position === 0 ? error : new IncompatibleStates();
      }
    }
    const env = Object.assign({}, world.env, ...states.map((state) => state.env));
    const umask = states.find((state) => state.umask !== undefined)?.umask;
    const under = states.find((state) => state.under !== undefined)?.under;
    await action({ ...world, env, uid, umask, under });
  } finally {
    for (const cleanup of cleanups) if (typeof cleanup === 'function') await cleanup();
    give(process.getuid?.());
  }
}

const BLOCKED_MS = 20_000;

/** A second damage that opens a pipe of the first one would wait for its other end for ever. @throws IncompatibleStates. */
async function orUnblocked(damage: unknown, { paths }: ZooWorld): Promise<unknown> {
  const limit = new AbortController();
  const isBlocked = delay(BLOCKED_MS, true, { signal: limit.signal }).catch(() => false);
  const done = Promise.resolve(damage);
  try {
    if (!(await Promise.race([done.then(() => false), isBlocked]))) return await done;
  } finally {
    limit.abort();
  }
  const open = ['-type', 'p', '-exec', 'timeout', '1', 'sh', '-c', 'exec 3<>"$0"', '{}', ';'];
  execFileSync('find', [paths.root, ...open]);
  await done.catch(() => {});
  throw new IncompatibleStates();
}

async function examine(world: ZooWorld, states: readonly ZooState[], row: ZooRow): Promise<void> {
  const { problems } = row;
  const isPair = states.length > 1;
  const deep = states.some(({ needs }) => needs === 'deep')
    ? ['--check', 'digests', '--check', 'bytecode', '--check', 'leftovers']
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
  const program = [...(world.under ?? []), ...under, process.execPath, LAUNCHER, ...args];
  const user = String(world.uid);
  const line =
    world.uid === undefined
      ? program
      : ['setpriv', '--reuid', user, '--regid', user, '--clear-groups', ...program];
  const wrapped = isOffline
    ? ['unshare', '-n', 'sh', '-c', 'ip link set lo up; exec "$@"', 'sh', ...line]
    : line;
  const masked =
    world.umask === undefined
      ? wrapped
      : ['sh', '-c', 'umask "$0"; exec "$@"', world.umask.toString(8).padStart(4, '0'), ...wrapped];
  const [first, ...rest] = masked as [string, ...string[]];
  return new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    execFile(
      first,
      rest,
      { env: world.env, cwd: join(world.home, 'project'), maxBuffer: 64 << 20 },
      (error, stdout, stderr) => resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
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

export function zooLine({ state, found, repairs, network, problems }: ZooRow): string {
  const cells = [state.padEnd(42), found.padEnd(24), repairs.padEnd(38), network.padEnd(5)];
  return [`${problems.length === 0 ? 'ok  ' : 'BAD '} ${cells.join(' ')}`, ...problems].join('\n       ');
}

export function zooSummary(rows: readonly ZooRow[]): string {
  return `${rows.filter(({ problems }) => problems.length === 0).length} of ${rows.length} as promised`;
}
