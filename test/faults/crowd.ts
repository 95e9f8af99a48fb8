import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isEnvironmentInUse } from '../../src/runtime/environments-in-use.ts';
import {
  CLI_VERSION,
  makeWorld,
  processesOf,
  type Started,
  strays,
  type World,
  whoAnswers,
} from '../fixtures/fault-world.ts';
import type { LoopbackIndex } from '../fixtures/loopback-index.ts';
import { seeded } from './kill.ts';

/** A row of the table: what was done, how often, and how it ended. */
export interface CrowdRow {
  what: string;
  times: number;
  /** Of them: killed in the middle by `kill -9`. */
  killed: number;
  /** Of them: refused in words that are expected, such as an undo without anything to go back to. */
  refused: number;
  problems: string[];
}

export interface CrowdPlan {
  /** How many work on the runtime root at once. */
  workers: number;
  /** How many things each of them does, one after the other. */
  turns: number;
  /** Decides what each worker does; when it comes to it is left to the machine. */
  seed: number;
}

interface Operation {
  what: string;
  start(world: World): Started;
  /** What it may say instead of doing it. */
  refusal?: RegExp;
}

const OTHER_VERSION = '0.4.0';
const project = (world: World) => ({ ...place(world), projectDir: join(world.home, 'project') });
const place = (world: World) => ({ cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot });

/** What can be done to a runtime root, by whoever has a terminal. */
const OPERATIONS: readonly Operation[] = [
  { what: 'setup', start: (world) => world.start(world.options()) },
  { what: 'setup --force', start: (world) => world.start(world.options({ shouldForce: true })) },
  { what: 'update', start: (world) => world.start(world.options({ assetDir: world.assets[1] })) },
  {
    what: 'setup, other version',
    start: (world) => world.start(world.options({ cliVersion: OTHER_VERSION })),
  },
  {
    what: 'prune --store',
    start: (world) => world.call('pruneManagedPythonRuntimes', { ...place(world), store: true }),
  },
  {
    what: 'uninstall',
    start: (world) => world.call('uninstallManagedPythonRuntimes', place(world)),
    // The checks start the interpreter, and are no daemon that it may stop.
    refusal: /Programs run from the runtime/,
  },
  {
    what: 'undo',
    start: (world) => world.call('undoManagedPythonRuntime', place(world)),
    refusal: /There is no (?:other environment|runtime)/,
  },
  { what: 'status', start: (world) => world.call('readManagedPythonRuntimeStatus', place(world)) },
  { what: 'checks', start: (world) => world.call('runChecks', place(world)) },
  { what: 'list of an uninstall', start: (world) => world.call('planUninstall', place(world)) },
  {
    what: 'prune --dry-run',
    start: (world) => world.call('pruneManagedPythonRuntimes', { ...place(world), dryRun: true }),
  },
  {
    what: 'daemon start',
    start: (world) => world.call('startManagedPythonDaemon', { ...project(world), features: ['core'] }),
    // Its environment may be uninstalled while it starts.
    refusal: /ktx daemon (?:failed to start|did not report a pid)/,
  },
  { what: 'daemon stop', start: (world) => world.call('stopManagedPythonDaemon', project(world)) },
  // Another program with a wheel of its own, in the same root and of the same version.
  ...[{}, { shouldForce: true }, { cliVersion: OTHER_VERSION }].map(
    (change): Operation => ({
      what: `embedder: setup ${Object.keys(change).join('')}`.trim(),
      start: (world) => {
        const { assetDir: _, ...options } = world.options(change);
        return world.callAsEmbedder('runSetup', options);
      },
    }),
  ),
  {
    what: 'embedder: prune',
    start: (world) => world.callAsEmbedder('pruneManagedPythonRuntimes', place(world)),
  },
  {
    what: 'embedder: undo',
    start: (world) => world.callAsEmbedder('undoManagedPythonRuntime', place(world)),
    refusal: /There is no (?:other environment|runtime)/,
  },
  {
    what: 'embedder: status',
    start: (world) => world.callAsEmbedder('readManagedPythonRuntimeStatus', place(world)),
  },
  {
    what: 'embedder: daemon start',
    start: (world) =>
      world.callAsEmbedder('startManagedPythonDaemon', { ...project(world), features: ['core'] }),
    refusal: /ktx daemon (?:failed to start|did not report a pid)/,
  },
  {
    what: 'embedder: daemon stop',
    start: (world) => world.callAsEmbedder('stopManagedPythonDaemon', project(world)),
  },
];
/** One of so many is killed, within so many ms. */
const KILLED_OF = 8;
const KILLED_WITHIN_MS = 1500;
const PAUSE_MS = 300;

/**
 * Lets several processes at once do whatever can be done to one runtime root, in random order, and kills some of them. None
 * may fail but in words that are expected.
 */
export async function crowdRows(index: LoopbackIndex, plan: CrowdPlan): Promise<CrowdRow[]> {
  const world = await makeWorld(index);
  // For what has no option for it.
  world.env['PIP_INDEX_URL'] = index.url;
  const rows = OPERATIONS.map(
    ({ what }): CrowdRow => ({ what, times: 0, killed: 0, refused: 0, problems: [] }),
  );
  try {
    await Promise.all(
      Array.from({ length: plan.workers }, async (_, worker) => {
        // Spread, since the first numbers of neighbouring seeds are neighbours.
        const random = seeded(Math.imul(plan.seed + worker, 0x9e3779b1));
        for (let turn = 0; turn < plan.turns; turn++) {
          const position = Math.floor(random() * OPERATIONS.length);
          await delay(random() * PAUSE_MS);
          const killAfterMs = random() * KILLED_OF < 1 ? random() * KILLED_WITHIN_MS : null;
          await take(OPERATIONS[position]!, world, rows[position]!, killAfterMs);
        }
      }),
    );
    rows.push({
      what: 'afterwards',
      times: 1,
      killed: 0,
      refused: 0,
      problems: await problemsAfter(world),
    });
    return rows;
  } finally {
    await world.remove();
  }
}

async function take(
  operation: Operation,
  world: World,
  row: CrowdRow,
  killAfterMs: number | null,
): Promise<void> {
  const started = operation.start(world);
  const timer = killAfterMs === null ? null : setTimeout(() => started.send('SIGKILL'), killAfterMs);
  const { exitCode, signal, stderr } = await started.ended;
  if (timer) clearTimeout(timer);
  row.times++;
  if (signal === 'SIGKILL' && killAfterMs !== null) row.killed++;
  else if (exitCode !== 0 && operation.refusal?.test(stderr)) row.refused++;
  else if (exitCode !== 0 || stderr !== '') row.problems.push(`exit ${exitCode ?? signal}: ${stderr.trim()}`);
}

/** What must be true afterwards, whatever happened: a setup works, nothing lies about, and an uninstall leaves nothing. */
async function problemsAfter(world: World): Promise<string[]> {
  const problems: string[] = [];
  const run = async (started: Started) => {
    const { exitCode, stderr } = await started.ended;
    if (exitCode !== 0 || stderr !== '') problems.push(`exit ${exitCode}: ${stderr.trim()}`);
  };
  // Each sets up its own, removes its own other versions, and finds its own wheel afterwards.
  const { assetDir: _, ...withoutAssets } = world.options();
  await run(world.callAsEmbedder('runSetup', withoutAssets));
  await run(world.callAsEmbedder('pruneManagedPythonRuntimes', place(world)));
  const theirs = world.callAsEmbedder('readManagedPythonRuntimeStatus', place(world));
  const { events } = await theirs.ended;
  const found = (events.at(-1)?.result ?? {}) as { kind?: string; manifest?: { asset: { proof?: object } } };
  if (found.kind !== 'ready' || !found.manifest?.asset.proof) {
    problems.push(`the embedder finds: ${JSON.stringify(found)}`);
  }
  // The other version goes, if it is there.
  await run(world.call('pruneManagedPythonRuntimes', place(world)));
  await run(world.start(world.options()));
  await whoAnswers(world, null).catch((error: Error) => problems.push(error.message));
  // What a daemon runs from stays, and a start that was killed may leave one that no state file names.
  for (const path of await strays(world)) {
    if (!(await isEnvironmentInUse(join(world.runtimeRoot, path)))) problems.push(`left: ${path}`);
  }
  await run(world.call('uninstallManagedPythonRuntimes', place(world)));
  const between = (await readdir(world.runtimeRoot)).sort().join();
  if (between !== `${CLI_VERSION}+wheel.acme,uv`) problems.push(`after the first uninstall: ${between}`);
  await run(world.callAsEmbedder('uninstallManagedPythonRuntimes', place(world)));
  const left = await readdir(world.runtimeRoot).catch(() => []);
  problems.push(...left.map((path) => `not uninstalled: ${path}`));
  problems.push(...processesOf(world).map((pid) => `still runs: ${pid}`));
  return problems;
}

export function crowdTable(rows: readonly CrowdRow[]): string {
  const columns = ['times', 'killed', 'refused', 'problems'] as const;
  const lines = rows.map((row) =>
    [
      row.what.padEnd(22),
      ...columns.map((name) => String(name === 'problems' ? row.problems.length : row[name]).padStart(9)),
    ].join(''),
  );
  const details = rows.flatMap((row) => row.problems.map((problem) => `${row.what}: ${problem}`));
  return [''.padEnd(22) + columns.map((name) => name.padStart(9)).join(''), ...lines, ...details].join('\n');
}
