import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inParallel } from '../../src/support/async/in-parallel.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import {
  CLI_VERSION,
  makeWorld,
  type Program,
  processesOf,
  type Started,
  type World,
} from '../fixtures/fault-world.ts';
import type { LoopbackIndex } from '../fixtures/loopback-index.ts';
import { type LoopDisk, makeLoopDisk, type Overlay } from './loop-disk.ts';
import type { CutFindings, CutRequest } from './power-cut-check.ts';

export const CUT_SCENARIOS = ['first install', 'update', 'repair', 'undo', 'prune', 'uninstall'] as const;
export type CutScenario = (typeof CUT_SCENARIOS)[number];
type Where = 'journal entry' | 'random instant' | 'after the end';

/** A row of the table: at which instants the power was cut, and what was on the disk then. */
export interface CutRow {
  scenario: CutScenario;
  overlay: Overlay;
  where: Where;
  images: number;
  /** What the status command says, where it is true; `not ready` is mended by the next setup. */
  answers: Record<'none' | 'old' | 'new' | 'not ready', number>;
  broken: string[];
}

/** One run of a command, and when images of its disk are taken. */
export interface CutPlan {
  scenario: CutScenario;
  /** With it, what the command starts from lies in the lower layer, as in an image of a container. */
  overlay?: Overlay;
  /** At each entry of the journal, at those numbers, or at so many random instants. */
  at: 'entries' | readonly number[] | { instants: number; random: () => number };
  /** Seconds after the end of the run. */
  afterSeconds: readonly number[];
}

const OLD_VERSION = '0.2.0';
/** A check waits for processes most of the while. */
const CHECKS_AT_ONCE = 3;
/** A run on a machine that does nothing else; random instants lie within it, and some after its end. */
const RUN_MS: Record<CutScenario, number> = {
  'first install': 3000,
  update: 3000,
  repair: 3000,
  undo: 1500,
  prune: 400,
  uninstall: 600,
};

interface Image {
  path: string;
  where: Where;
  name: string;
}

/** Takes images of the disk while one kind of command runs and after it, and looks at each as the next start of a machine would. */
export async function cutRows(index: LoopbackIndex, plan: CutPlan): Promise<CutRow[]> {
  const { scenario: name, overlay = null, at } = plan;
  const world = await makeWorld(index, { below: 'disk' });
  const disk = await makeLoopDisk(world.home);
  const images: Image[] = [];
  try {
    const scenario = scenarioOf(world, name);
    for (const program of scenario.prepare) await succeed(world.call(program.name, program.options));
    if (overlay !== null) await disk.startOverlay(overlay);
    const old = await activeOf(world);
    const take = async (where: Where, what: string) => {
      images.push({ path: await disk.takeImage(), where, name: what });
    };
    if (typeof at === 'object' && 'instants' in at)
      await runWithInstants(world, scenario.run, at, RUN_MS[name], take);
    else await runWithEntries(world, scenario.run, at, take);
    let doneSeconds = 0;
    for (const seconds of plan.afterSeconds) {
      await delay((seconds - doneSeconds) * 1000);
      doneSeconds = seconds;
      await take('after the end', `${seconds} s after the end`);
    }
    const rows = await checkAll(world, disk, scenario.next, old, images);
    return rows.map((row) => ({ ...row, scenario: name, overlay }));
  } finally {
    await disk.remove();
    await world.remove();
  }
}

interface CutScenarioRun {
  /** Makes the state that the run starts from. */
  prepare: Program[];
  run: Program;
  /** What is run on the image; the last is a setup. */
  next: Program[];
}

function scenarioOf(world: World, scenario: CutScenario): CutScenarioRun {
  const place = { cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot };
  const setup = (change: object = {}): Program => ({ name: 'runSetup', options: world.options(change) });
  const prune: Program = { name: 'pruneManagedPythonRuntimes', options: place };
  const undo: Program = { name: 'undoManagedPythonRuntime', options: place };
  const uninstall: Program = { name: 'uninstallManagedPythonRuntimes', options: place };
  const newer = setup({ assetDir: world.assets[1] });
  const older = setup({ cliVersion: OLD_VERSION });
  switch (scenario) {
    case 'first install':
      return { prepare: [], run: setup(), next: [setup()] };
    case 'update':
      return { prepare: [setup()], run: newer, next: [newer] };
    case 'repair':
      return { prepare: [setup()], run: setup({ shouldForce: true }), next: [setup()] };
    case 'undo':
      return { prepare: [setup(), newer], run: undo, next: [newer] };
    case 'prune':
      return { prepare: [older, setup()], run: prune, next: [prune, setup()] };
    case 'uninstall':
      return { prepare: [older, setup()], run: uninstall, next: [uninstall, setup()] };
  }
}

type Take = (where: Where, what: string) => Promise<void>;

async function runWithEntries(
  world: World,
  { name, options }: Program,
  wanted: 'entries' | readonly number[],
  take: Take,
): Promise<void> {
  const started = world.call(name, options, { stopsAtEntries: true });
  for (let entry = 1; await hasStopped(started, entry); entry++) {
    if (wanted === 'entries' || wanted.includes(entry)) await take('journal entry', `entry ${entry}`);
    started.send('SIGCONT');
  }
  await succeed(started);
}

/** Until the run has stopped itself at this entry. @returns `false` when it has ended instead. */
async function hasStopped(started: Started, entry: number): Promise<boolean> {
  const isAtEntry = await started.noted(`"stopped","entry":${entry}}`).then(
    () => true,
    () => false,
  );
  // It says so before it stops.
  while (isAtEntry && !/^\d+ \(.*\) T /s.test(await readFile(`/proc/${started.pid}/stat`, 'latin1')))
    await delay(5);
  return isAtEntry;
}

async function runWithInstants(
  world: World,
  { name, options }: Program,
  { instants, random }: { instants: number; random: () => number },
  spanMs: number,
  take: Take,
): Promise<void> {
  const started = world.call(name, options);
  let hasEnded = false;
  const ended = succeed(started).finally(() => {
    hasEnded = true;
  });
  ended.catch(() => {});
  let runMs = 0;
  for (const instant of Array.from({ length: instants }, () => random() * spanMs).sort((a, b) => a - b)) {
    await delay(instant - runMs);
    runMs = instant;
    const pids = hasEnded ? [] : processesOf(world);
    for (const pid of pids) signalIfThere(pid, 'SIGSTOP');
    await take('random instant', `after ${Math.round(instant)} ms`);
    for (const pid of pids) signalIfThere(pid, 'SIGCONT');
  }
  await ended;
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

async function succeed(started: Started): Promise<void> {
  const { exitCode, stderr } = await started.ended;
  if (exitCode !== 0) throw new Error(`ended with ${exitCode}: ${stderr.slice(0, 2000)}`);
}

async function activeOf(world: World): Promise<string> {
  const { readManagedPythonRuntimeStatus } = await import('../../src/runtime/status.ts');
  const { runtimeRoot } = world;
  const { kind, layout } = await readManagedPythonRuntimeStatus({ cliVersion: CLI_VERSION, runtimeRoot });
  return kind === 'ready' ? layout.venvDir : '';
}

type Seen = Omit<CutRow, 'scenario' | 'overlay'>;

async function checkAll(
  world: World,
  disk: LoopDisk,
  next: Program[],
  old: string,
  images: readonly Image[],
): Promise<Seen[]> {
  const rows = new Map<Where, Seen>();
  const { runtimeRoot } = world;
  const request: CutRequest = { runtimeRoot, versions: [CLI_VERSION, OLD_VERSION], env: world.env, next };
  await inParallel(images, CHECKS_AT_ONCE, undefined, async ({ path, where, name }) => {
    const row = rows.get(where) ?? newRow(where);
    rows.set(where, row);
    row.images++;
    const { before, problems } = await lookAt(disk.mountLines(path), request);
    await rm(path);
    for (const [version, { kind, works }] of Object.entries(before))
      if (kind === 'ready' && !works) problems.push(`${version} is called ready and does not work`);
    const { kind, environment } = before[CLI_VERSION]!;
    if (kind === 'missing') row.answers.none++;
    else if (kind !== 'ready') row.answers['not ready']++;
    else row.answers[environment === old ? 'old' : 'new']++;
    if (problems.length > 0) row.broken.push(`${name}: ${problems.join('; ')}`);
  });
  return [...rows.values()];
}

function newRow(where: Where): Seen {
  return { where, images: 0, answers: { none: 0, old: 0, new: 0, 'not ready': 0 }, broken: [] };
}

/** In namespaces of its own, so that the image lies at the disk's place and nothing there finds the processes of the run. */
async function lookAt(mountLines: readonly string[], request: CutRequest): Promise<CutFindings> {
  const script = ['set -e', ...mountLines, 'exec "$1" "$2" "$3"'].join('\n');
  const checker = join(PACKAGE_ROOT, 'test', 'faults', 'power-cut-check.ts');
  const { stdout } = await promisify(execFile)(
    'unshare',
    [
      ...['-m', '-p', '-f', '--mount-proc', '--kill-child', 'sh', '-c', script, 'sh'],
      ...[process.execPath, checker, JSON.stringify(request)],
    ],
    { maxBuffer: 64 * 1024 * 1024 },
  );
  return JSON.parse(stdout);
}

/** For people: a table, and each broken image by itself. */
export function cutTable(rows: readonly CutRow[]): string {
  const nameOf = ({ scenario, overlay }: CutRow) =>
    overlay === null ? scenario : `${scenario}, overlay, redirect_dir=${overlay}`;
  const cells = rows
    .map((row) => ({ row, ...row }))
    .map(({ row, where, images, answers, broken }) => [
      nameOf(row),
      where,
      images,
      answers.none,
      answers.old,
      answers.new,
      answers['not ready'],
      broken.length,
    ]);
  const head = [
    'power cut',
    'at',
    'images',
    'none yet',
    'old works',
    'new works',
    'not ready, mended',
    'broken',
  ];
  const sum = (column: number) => cells.reduce((total, row) => total + Number(row[column]), 0);
  const total = ['in all', '', ...[2, 3, 4, 5, 6, 7].map(sum)];
  const lines = [head, ...cells, total].map((row) =>
    row
      .map((cell, column) =>
        column < 2 ? String(cell).padEnd(column === 0 ? 36 : 16) : String(cell).padStart(18),
      )
      .join(''),
  );
  return [...lines, ...rows.flatMap((row) => row.broken.map((text) => `${nameOf(row)}, ${text}`))].join('\n');
}
