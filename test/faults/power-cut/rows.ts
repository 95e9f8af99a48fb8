import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inParallel } from '../../../src/support/async/in-parallel.ts';
import { CLI_VERSION, makeWorld, type World } from '../../fixtures/fault-world.ts';
import type { LoopbackIndex } from '../../fixtures/loopback-index.ts';
import type { CutFindings } from './check.ts';
import { runWithEntries, runWithInstants, succeed, type Take, type Where } from './instants.ts';
import { lookAt } from './look.ts';
import { type LoopDisk, makeLoopDisk, type Overlay } from './loop-disk.ts';
import { type CutScenario, OLD_VERSION, RUN_MS, STARTS_FROM, scenarioOf } from './scenarios.ts';

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

/** Plans of one group follow each other on one machine; the groups wait for processes and for the clock most of the while. */
const GROUPS_AT_ONCE = 4;

/**
 * Takes images of the disk while a command runs and after it, and looks at each as the next start of a machine would. Plans that
 * start from the same state share the machine that was prepared for it. An image is looked at while the next ones are taken.
 * @param onRow is told each row when it is complete.
 */
export async function cutRows(
  index: LoopbackIndex,
  plans: readonly CutPlan[],
  onRow: (row: CutRow) => void = () => {},
): Promise<CutRow[]> {
  const groups = Map.groupBy(plans, ({ scenario, overlay }) => `${STARTS_FROM[scenario]} ${overlay}`);
  const rows: CutRow[] = [];
  // Those that wait longest begin first.
  const seconds = (group: readonly CutPlan[]) =>
    group.reduce((sum, { afterSeconds }) => sum + (afterSeconds.at(-1) ?? 0), 0);
  const longestFirst = [...groups.values()].sort((a, b) => seconds(b) - seconds(a));
  await inParallel(longestFirst, GROUPS_AT_ONCE, undefined, (group) =>
    runGroup(index, group, (row) => {
      rows.push(row);
      onRow(row);
    }),
  );
  return rows;
}

async function runGroup(
  index: LoopbackIndex,
  plans: readonly CutPlan[],
  onRow: (row: CutRow) => void,
): Promise<void> {
  const world = await makeWorld(index, { below: 'disk' });
  const disk = await makeLoopDisk(world.home);
  const looks: Promise<void>[] = [];
  try {
    // Not the home of the run: what holds that still must not find these.
    await mkdir(join(world.home, 'restarted'));
    for (const { name, options } of scenarioOf(world, plans[0]!.scenario).prepare)
      await succeed(world.call(name, options));
    await disk.keep();
    for (const plan of plans) {
      await disk.restart(plan.overlay ?? null);
      looks.push(...(await runPlan(world, disk, plan, onRow)));
    }
    await Promise.all(looks);
  } finally {
    await Promise.allSettled(looks);
    await disk.remove();
    await world.remove();
  }
}

/** @returns the looks at its images that are still under way. */
async function runPlan(
  world: World,
  disk: LoopDisk,
  plan: CutPlan,
  onRow: (row: CutRow) => void,
): Promise<Promise<void>[]> {
  const { scenario: name, overlay = null, at, afterSeconds } = plan;
  const { run, next } = scenarioOf(world, name);
  const old = await activeOf(world);
  const rows = new Map<Where, CutRow>();
  const looks = new Map<Where, Promise<void>[]>();
  // What removes looks for programs of the runtime, and would find those that look at an image.
  const hasRemoved = Promise.withResolvers<void>();
  if (!/^(?:uninstall|prune)/.test(name)) hasRemoved.resolve();
  const take: Take = async (where, what) => {
    const row = rows.get(where) ?? newRow(name, overlay, where);
    rows.set(where, row);
    const image = await disk.takeImage();
    const env = { ...world.env, HOME: join(world.home, 'restarted') };
    const versions = [CLI_VERSION, OLD_VERSION];
    const request = { runtimeRoot: world.runtimeRoot, versions, env, next };
    const look = hasRemoved.promise
      .then(() => lookAt(image, disk.mountLines(image), request))
      .then((found) => add(row, what, found, old));
    // A failure is heard at the end.
    look.catch(() => {});
    looks.set(where, [...(looks.get(where) ?? []), look]);
  };
  if (typeof at === 'object' && 'instants' in at) await runWithInstants(world, run, at, RUN_MS[name], take);
  else await runWithEntries(world, run, at, take);
  hasRemoved.resolve();
  let doneSeconds = 0;
  for (const seconds of afterSeconds) {
    await delay((seconds - doneSeconds) * 1000);
    doneSeconds = seconds;
    await take('after the end', `${seconds} s after the end`);
  }
  return [...rows].map(([where, row]) => Promise.all(looks.get(where)!).then(() => onRow(row)));
}

function newRow(scenario: CutScenario, overlay: Overlay, where: Where): CutRow {
  const answers = { none: 0, old: 0, new: 0, 'not ready': 0 };
  return { scenario, overlay, where, images: 0, answers, broken: [] };
}

function add(row: CutRow, what: string, { before, problems: found }: CutFindings, old: string): void {
  row.images++;
  const problems = [...found];
  for (const [version, { kind, works, detail }] of Object.entries(before))
    if (kind === 'ready' && !works) problems.push(`${version} is called ready and does not work: ${detail}`);
  const { kind, environment } = before[CLI_VERSION]!;
  if (kind === 'missing') row.answers.none++;
  else if (kind !== 'ready') row.answers['not ready']++;
  else row.answers[environment === old ? 'old' : 'new']++;
  if (problems.length > 0) row.broken.push(`${what}: ${problems.join('; ')}`);
}

async function activeOf(world: World): Promise<string> {
  const { readManagedPythonRuntimeStatus } = await import('../../../src/runtime/status.ts');
  const { runtimeRoot } = world;
  const { kind, layout } = await readManagedPythonRuntimeStatus({ cliVersion: CLI_VERSION, runtimeRoot });
  return kind === 'ready' ? layout.venvDir : '';
}
