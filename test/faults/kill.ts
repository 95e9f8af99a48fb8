import { rm } from 'node:fs/promises';
import type { SetupOptions } from '../../src/setup/request/setup-options.ts';
import {
  type Answer,
  activeEnvironment,
  type Ending,
  makeWorld,
  processesOf,
  strays,
  type World,
  whoAnswers,
} from '../fixtures/fault-world.ts';
import type { LoopbackIndex } from '../fixtures/loopback-index.ts';

export type Scenario = 'first install' | 'update' | 'repair';

/** A row of the table: where it was killed, how often, and what was found. */
export interface KillRow {
  scenario: Scenario;
  where: 'journal entry' | 'random instant';
  points: number;
  answers: Record<Answer, number>;
  /** Points after which a child of the killed process still ran. */
  withSurvivors: number;
  broken: string[];
}

export interface KillPlan {
  scenario: Scenario;
  /** Which entries of the journal: `all`, or their numbers from 1. */
  entries: 'all' | readonly number[];
  /** How many random instants. */
  instants: number;
  random: () => number;
}

/** Numbers in [0, 1) that are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Kills a setup of one kind at every point of the plan, one after the other in one world. */
export async function killRows(index: LoopbackIndex, plan: KillPlan): Promise<KillRow[]> {
  const world = await makeWorld(index);
  try {
    const run = await scenarioRun(world, plan.scenario);
    // A whole one first: it gives the time that random instants lie in, and the state that updates start from.
    const startedAt = performance.now();
    await run.prepare();
    expectSuccess(await world.start(run.options()).ended);
    const durationMs = performance.now() - startedAt;
    await run.settle();
    const journal = newRow(plan.scenario, 'journal entry');
    for (let entry = 1; plan.entries === 'all' || entry <= Math.max(0, ...plan.entries); entry++) {
      if (plan.entries !== 'all' && !plan.entries.includes(entry)) continue;
      if (!(await point(world, run, journal, { atEntry: entry }))) break;
    }
    const random = newRow(plan.scenario, 'random instant');
    for (let instant = 0; instant < plan.instants; instant++) {
      await point(world, run, random, { afterMs: plan.random() * durationMs });
    }
    return [journal, random].filter((row) => row.points > 0);
  } finally {
    await world.remove();
  }
}

interface ScenarioRun {
  /** Makes the state that the setup starts from. */
  prepare(): Promise<void>;
  options(): SetupOptions;
  /** The setup that has to succeed afterwards. */
  nextOptions(): SetupOptions;
  /** After a point that went to its end. */
  settle(): Promise<void>;
}

async function scenarioRun(world: World, scenario: Scenario): Promise<ScenarioRun> {
  let turn = 0;
  const assetDir = () => world.assets[turn % 2]!;
  const nothing = async () => {};
  switch (scenario) {
    case 'first install':
      return {
        prepare: () => rm(world.runtimeRoot, { recursive: true, force: true, maxRetries: 3 }),
        options: () => world.options(),
        nextOptions: () => world.options(),
        settle: nothing,
      };
    case 'update':
      expectSuccess(await world.start(world.options()).ended);
      turn = 1;
      return {
        prepare: nothing,
        options: () => world.options({ assetDir: assetDir() }),
        nextOptions: () => world.options({ assetDir: assetDir() }),
        settle: async () => void turn++,
      };
    case 'repair':
      expectSuccess(await world.start(world.options()).ended);
      return {
        prepare: nothing,
        options: () => world.options({ shouldForce: true }),
        nextOptions: () => world.options(),
        settle: nothing,
      };
  }
}

/** @returns `false` when the setup ended before it could be killed at that entry. */
async function point(
  world: World,
  run: ScenarioRun,
  row: KillRow,
  kill: { atEntry?: number; afterMs?: number },
): Promise<boolean> {
  await run.prepare();
  const old = await activeEnvironment(world);
  const started = world.start(run.options(), kill);
  const timer = kill.afterMs === undefined ? null : setTimeout(() => started.send('SIGKILL'), kill.afterMs);
  const ended = await started.ended;
  if (timer) clearTimeout(timer);
  const wasKilled = ended.signal === 'SIGKILL';
  if (!wasKilled && kill.atEntry !== undefined) {
    await run.settle();
    return false;
  }
  row.points++;
  const name = kill.atEntry === undefined ? `after ${Math.round(kill.afterMs!)} ms` : `entry ${kill.atEntry}`;
  try {
    if (!wasKilled) expectSuccess(ended);
    if (processesOf(world).length > 0) row.withSurvivors++;
    row.answers[await whoAnswers(world, old)]++;
    expectSuccess(await world.start(run.nextOptions()).ended);
    if ((await whoAnswers(world, null)) === 'none') throw new Error('no runtime after the next setup');
    const left = processesOf(world);
    if (left.length > 0) throw new Error(`processes left: ${left.join(', ')}`);
    const stray = await strays(world);
    if (stray.length > 0) throw new Error(`stray: ${stray.join(', ')}`);
  } catch (error) {
    row.broken.push(`${name}: ${String(error)}`);
    await rm(world.runtimeRoot, { recursive: true, force: true, maxRetries: 3 });
    expectSuccess(await world.start(world.options()).ended);
  }
  await run.settle();
  return true;
}

function expectSuccess(ended: Ending): void {
  if (ended.exitCode !== 0)
    throw new Error(`setup ended with ${ended.exitCode}: ${ended.stderr.slice(0, 2000)}`);
}

function newRow(scenario: Scenario, where: KillRow['where']): KillRow {
  return { scenario, where, points: 0, answers: { none: 0, old: 0, new: 0 }, withSurvivors: 0, broken: [] };
}

/** For people: a table, and each broken point by itself. */
export function killTable(rows: readonly KillRow[]): string {
  const cells = rows.map(({ scenario, where, points, answers, withSurvivors, broken }) => [
    scenario,
    where,
    points,
    answers.none,
    answers.old,
    answers.new,
    withSurvivors,
    broken.length,
  ]);
  const head = [
    'killed',
    'at',
    'points',
    'none yet',
    'old answers',
    'new answers',
    'children left',
    'broken',
  ];
  const sum = (column: number) => cells.reduce((total, row) => total + Number(row[column]), 0);
  const total = ['in all', '', ...[2, 3, 4, 5, 6, 7].map(sum)];
  const lines = [head, ...cells, total].map((row) =>
    row.map((cell, column) => (column < 2 ? String(cell).padEnd(15) : String(cell).padStart(14))).join(''),
  );
  return [...lines, ...rows.flatMap(({ broken }) => broken)].join('\n');
}
