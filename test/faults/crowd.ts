import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isEnvironmentInUse } from '../../src/runtime/environments-in-use.ts';
import {
  BETA_VERSION,
  CLI_VERSION,
  type EmbedderName,
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
  /** What is wrong with its result. */
  problemOf?(result: unknown, world: World): string | null;
}

const OTHER_VERSION = '0.4.0';
const project = (world: World) => ({ ...place(world), projectDir: join(world.home, 'project') });
const place = (world: World) => ({ cliVersion: CLI_VERSION, runtimeRoot: world.runtimeRoot });

/** What another program with a wheel of its own does in the same root. */
function embedderOperations(name: EmbedderName, cliVersion: string): Operation[] {
  const call = (
    what: string,
    options: (world: World) => object,
    more: Partial<Operation> = {},
  ): Operation => ({
    what: `${name}: ${what}`,
    start: (world) => world.callAs(name, functionOf(what), { ...options(world), cliVersion }),
    ...more,
  });
  const setup = (what: string, change: object): Operation => ({
    what: `${name}: ${what}`,
    start: (world) => {
      const { assetDir: _, ...options } = world.options({ cliVersion, ...change });
      return world.callAs(name, 'runSetup', options);
    },
  });
  const noDaemon = /ktx daemon (?:failed to start|did not report a pid)/;
  return [
    setup('setup', {}),
    setup('setup --force', { shouldForce: true }),
    setup('setup, other version', { cliVersion: OTHER_VERSION }),
    call('prune', place),
    call('undo', place, { refusal: /There is no (?:other environment|runtime)/ }),
    call('status', place, { problemOf: (result, world) => wheelProblem(result, world, name) }),
    call('daemon start', (world) => ({ ...project(world), features: ['core'] }), { refusal: noDaemon }),
    call('daemon stop', project),
  ];
}

function functionOf(what: string): string {
  const names: Record<string, string> = {
    prune: 'pruneManagedPythonRuntimes',
    undo: 'undoManagedPythonRuntime',
    status: 'readManagedPythonRuntimeStatus',
    'daemon start': 'startManagedPythonDaemon',
    'daemon stop': 'stopManagedPythonDaemon',
  };
  return names[what]!;
}

/** Whoever looks finds nothing, or its own wheel: never that of another program. */
function wheelProblem(result: unknown, world: World, name: EmbedderName): string | null {
  const { manifest } = (result ?? {}) as { manifest?: { asset: { wheel: { sha256: string } } } };
  if (!manifest) return null;
  const own = JSON.parse(readFileSync(join(world.embedders[name].assetDir, 'manifest.json'), 'utf8'));
  const found = manifest.asset.wheel.sha256;
  return found === own.wheel.sha256
    ? null
    : `${name} finds the wheel ${found}, its own is ${own.wheel.sha256}`;
}

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
  ...embedderOperations('acme', CLI_VERSION),
  ...embedderOperations('beta', BETA_VERSION),
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
  const { exitCode, signal, stderr, events } = await started.ended;
  if (timer) clearTimeout(timer);
  row.times++;
  if (signal === 'SIGKILL' && killAfterMs !== null) row.killed++;
  else if (exitCode !== 0 && operation.refusal?.test(stderr)) row.refused++;
  else if (exitCode !== 0 || stderr !== '') row.problems.push(`exit ${exitCode ?? signal}: ${stderr.trim()}`);
  else {
    const problem = operation.problemOf?.(events.at(-1)?.result, world);
    if (problem) row.problems.push(problem);
  }
}

/** What must be true afterwards, whatever happened: a setup works, nothing lies about, and an uninstall leaves nothing. */
async function problemsAfter(world: World): Promise<string[]> {
  const problems: string[] = [];
  const run = async (started: Started) => {
    const { exitCode, stderr } = await started.ended;
    if (exitCode !== 0 || stderr !== '') problems.push(`exit ${exitCode}: ${stderr.trim()}`);
  };
  // Each sets up its own, removes its own other versions, and finds its own wheel afterwards.
  const embedders = [
    ['acme', CLI_VERSION],
    ['beta', BETA_VERSION],
  ] as const;
  for (const [name, cliVersion] of embedders) {
    const { assetDir: _, ...options } = world.options({ cliVersion });
    await run(world.callAs(name, 'runSetup', options));
    await run(world.callAs(name, 'pruneManagedPythonRuntimes', { ...place(world), cliVersion }));
  }
  for (const [name, cliVersion] of embedders) {
    const status = world.callAs(name, 'readManagedPythonRuntimeStatus', { ...place(world), cliVersion });
    const { events } = await status.ended;
    const found = (events.at(-1)?.result ?? {}) as { kind?: string };
    if (found.kind !== 'ready') problems.push(`${name} finds: ${JSON.stringify(found)}`);
    const problem = wheelProblem(found, world, name);
    if (problem) problems.push(problem);
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
  const rest = async () => (await readdir(world.runtimeRoot).catch(() => [])).sort().join();
  const [ofAcme, ofBeta] = [`${CLI_VERSION}+wheel.acme`, `${BETA_VERSION}+wheel.beta`];
  const withBoth = await rest();
  if (withBoth !== `${ofAcme},${ofBeta},uv`) problems.push(`after the first uninstall: ${withBoth}`);
  await run(world.callAs('acme', 'uninstallManagedPythonRuntimes', place(world)));
  const withOne = await rest();
  if (withOne !== `${ofBeta},uv`) problems.push(`after the second uninstall: ${withOne}`);
  await run(
    world.callAs('beta', 'uninstallManagedPythonRuntimes', { ...place(world), cliVersion: BETA_VERSION }),
  );
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
