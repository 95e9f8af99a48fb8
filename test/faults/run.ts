import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { followedRows, followedTable } from '../faults-network/followed-remedies.ts';
import { withRig } from '../fixtures/embeddings-rig.ts';
import { startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { missingForSsh } from '../fixtures/ssh-server.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { findInterpreters } from '../kernel/interpreters.ts';
import { pageTable } from '../security/page-table.ts';
import { type FlipRow, flipRows, flipTable } from './bit-flips.ts';
import { crowdRows, crowdTable } from './crowd.ts';
import { damageLine, damageRows, damageTable } from './damages.ts';
import { embeddingFaultLine, embeddingFaultRows, embeddingFaultSummary } from './embeddings.ts';
import {
  INTRUDERS,
  type MatrixRow,
  makeMachine,
  matrixHead,
  matrixLines,
  tryIntruder,
} from './file-matrix.ts';
import { kernelRun, kernelTable } from './kernel.ts';
import { type KillPlan, type KillRow, killRows, killTable, type Scenario, seeded } from './kill.ts';
import { diskObstacle, hostFaultRows, hostFaultTable } from './model-host.ts';
import { loopDiskObstacle } from './power-cut/loop-disk.ts';
import { type CutPlan, cutRows } from './power-cut/rows.ts';
import { CUT_SCENARIOS, type CutScenario } from './power-cut/scenarios.ts';
import { cutHead, cutLines, cutTotal } from './power-cut/table.ts';
import { followedLine, followedRemedies } from './remedies/follow.ts';
import { remedySites } from './remedies/sites.ts';
import { IN_THE_WIZARD, NOT_FOLLOWED, ROWS } from './remedies/table.ts';
import { rootLine, rootRows, rootTable } from './roots.ts';
import { SLOW_LINKS, slowLinkLine, slowLinkObstacle, slowLinkRows } from './slow-links.ts';
import { upgradeSizes, upgradeTable } from './ten-upgrades.ts';
import { zooLine, zooSummary } from './zoo.ts';
import { offlineLine, offlineRows } from './zoo-offline.ts';
import { isWriting, readOnlyLine, readOnlyRows, readOnlySummary } from './zoo-read-only.ts';
import { zooRows } from './zoo-run.ts';

/**
 * `npm run test:faults [part…]`: kill -9 at every journal entry and at 60 random instants, power cuts at every entry, at
 * random instants and up to a minute after the end, bits flipped in all that an install reads, processes that do
 * everything at once, 10,000 requests to a Python session with interrupts at random, 200 changes of a
 * model host with a fault each, and the tests of this folder in their complete form. Parts: the scenarios, `power-cut`,
 * `flips`, `crowd`, `kernel` (`-- --only 3.13 --count 500`), `hosts`, `remedies` (each remedy followed in the wizard, against its
 * fault), `printed-remedies` (each remedy run as it is printed, from a state that prints it), `roots` (every command over roots of
 * older and newer versions), `upgrades` (the disk after ten of them and a prune), `zoo` (every state of a damaged
 * runtime; `-- --pairs 100 --seed 2` draws pairs instead, `-- --from 40` goes on where 40 rows were printed, `-- --only <pattern>`
 * takes some, `-- --read-only` counts what is written by looks and plans, `-- --offline`
 * tries every repair without a route), `damages` (200 files of a root deleted or cut short, `-- --count 20` takes fewer;
 * the first command that is printed has to mend each), `files`, `pages` and `power-cut` (`-- --only <pattern>` takes some),
 * `embeddings` (what keeps vectors from coming, and whether the cause and one command that helps are named), `tests`.
 */
const SCENARIOS: readonly Scenario[] = ['first install', 'update', 'repair'];
const INSTANTS = 20;
const HOST_CHANGES = 200;
const ZOO_PAIRS = 100;
/** A point waits for one process at a time most of the while. */
const PARALLEL = 2;

const FLIPS = 3;
const CUT_INSTANTS = 4;
/** The disk writes by itself what is 30 s old, and its journal every 5 s. */
const AFTER_SECONDS = [0, 6, 20, 45, 60];
const AFTER_SECONDS_ON_OVERLAY = [0, 20, 60];
const ON_OVERLAY: readonly CutScenario[] = ['update', 'undo', 'prune', 'uninstall'];
const KERNEL_REQUESTS = 10_000;
const DAMAGES = 200;

const { positionals: parts, values: flags } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string' },
    only: { type: 'string' },
    'read-only': { type: 'boolean' },
    offline: { type: 'boolean' },
  },
});
const isWanted = (part: string) => parts.length === 0 || parts.includes(part);
const startedAt = performance.now();
let isBroken = false;
const plans: KillPlan[] = SCENARIOS.filter(isWanted).flatMap((scenario, position) => [
  { scenario, entries: 'all' as const, instants: 0, random: seeded(position) },
  { scenario, entries: [], instants: INSTANTS, random: seeded(position + 10) },
]);
const needsIndex = [...SCENARIOS, 'flips', 'power-cut', 'files', 'crowd'].some(isWanted);
const wheelhouse = needsIndex ? await openWheelhouse() : [];
const index = await startLoopbackIndex(wheelhouse);
const rows: KillRow[] = [];
const flips: FlipRow[] = [];
const jobs = [
  ...plans.map((plan) => async () => void rows.push(...(await killRows(index, plan)))),
  ...(isWanted('flips')
    ? [async () => void flips.push(...(await flipRows(wheelhouse, FLIPS, seeded(20))))]
    : []),
].values();
await Promise.all(
  Array.from({ length: PARALLEL }, async () => {
    for (const job of jobs) await job();
  }),
);
if (isWanted('power-cut')) {
  const obstacle = await loopDiskObstacle();
  if (obstacle !== null) {
    isBroken ||= process.env['KTX_NO_LOOP_DEVICES'] !== '1';
    console.log(`no power cut can be tried here: ${obstacle}\n`);
  } else {
    console.log(cutHead());
    const isPlanned = ({ scenario, overlay }: CutPlan) =>
      new RegExp(flags.only ?? '').test(`${scenario}${overlay ? ` ${overlay}` : ''}`);
    const cuts = await cutRows(index, cutPlans().filter(isPlanned), (row) => console.log(cutLines(row)));
    console.log(`${cutTotal(cuts)}\n`);
    isBroken ||= cuts.some((row) => row.broken.length > 0);
  }
}
if (isWanted('files')) {
  const machines = await Promise.all(Array.from({ length: PARALLEL }, () => makeMachine(index)));
  console.log(matrixHead());
  let longestMs = 0;
  const wanted = (files: readonly string[]) =>
    files.filter((file) => new RegExp(flags.only ?? '').test(file));
  await Promise.all(
    machines.map(async (machine, lane) => {
      const files = wanted(machine.files);
      for (const file of files.filter((_, position) => position % PARALLEL === lane)) {
        const rows: MatrixRow[] = [];
        for (const intruder of INTRUDERS) rows.push(await tryIntruder(machine, file, intruder));
        console.log(matrixLines(rows));
        longestMs = Math.max(longestMs, ...rows.map((row) => row.longestMs));
        isBroken ||= rows.some((row) => row.problems.length > 0);
      }
      await machine.remove();
    }),
  );
  const tries = wanted(machines[0]!.files).length * INTRUDERS.length;
  console.log(`${tries} in all, the longest command ${(longestMs / 1000).toFixed(1)} s\n`);
}
const crowd = isWanted('crowd')
  ? await crowdRows(index, { workers: 5, turns: 20, seed: Date.now() % 1_000_000 })
  : [];
await index.close();
if (rows.length > 0) {
  rows.sort((a, b) => SCENARIOS.indexOf(a.scenario) - SCENARIOS.indexOf(b.scenario));
  console.log(`kill -9\n${killTable(rows)}\n`);
  isBroken ||= rows.some((row) => row.broken.length > 0);
}
if (flips.length > 0) {
  console.log(`one bit flipped\n${flipTable(flips)}\n`);
  isBroken ||= flips.some((row) => row.problems.length > 0);
}
if (crowd.length > 0) {
  console.log(`everything at once\n${crowdTable(crowd)}\n`);
  isBroken ||= crowd.some((row) => row.problems.length > 0);
}
if (isWanted('pages')) {
  console.log('hostile index pages');
  isBroken ||= await pageTable(console.log, new RegExp(flags.only ?? ''));
}
if (isWanted('slow-links')) {
  const obstacle = slowLinkObstacle();
  if (obstacle !== null) console.log(`no slow line can be made here: ${obstacle}\n`);
  else {
    console.log('slow lines');
    const wanted = SLOW_LINKS.filter(({ name }) => new RegExp(flags.only ?? '').test(name));
    const slow = await slowLinkRows(wanted, (row) => console.log(slowLinkLine(row)));
    isBroken ||= slow.some((row) => row.problems.length > 0);
  }
}
if (isWanted('remedies')) {
  const root = await mkdtemp(join(tmpdir(), 'ktx-remedies-'));
  const followed = await followedRows(root).finally(() => rm(root, { recursive: true, force: true }));
  console.log(`remedies followed in the wizard\n${followedTable(followed)}\n`);
  isBroken ||= followed.some(({ outcome }) => outcome !== 'done');
}
if (isWanted('printed-remedies')) {
  const only = new RegExp(flags.only ?? '');
  const rows = ROWS.filter(({ remedy, state }) => only.test(`${remedy} [${state}]`));
  const printed = await followedRemedies(rows, (row) => console.log(followedLine(row)));
  const right = printed.filter(({ problems }) => problems.length === 0);
  const count = (list: Iterable<string>) => new Set(list).size;
  console.log(
    `${remedySites().length} remedies in the sources; ${count(printed.map(({ remedy }) => remedy))} followed as printed in ${printed.length} states, ${right.length} right; ${IN_THE_WIZARD.length} more in the wizard (part remedies); ${NOT_FOLLOWED.size} not, for a reason each\n`,
  );
  isBroken ||= right.length < printed.length;
}
if (isWanted('upgrades')) {
  const sizes = await upgradeSizes();
  console.log(`ten upgrades\n${upgradeTable(sizes)}\n`);
  isBroken ||= sizes.prunedBytes > 1.2 * sizes.freshBytes;
}
if (isWanted('roots')) {
  console.log('roots of other versions');
  const met = await rootRows({ onRow: (row) => row.problems.length > 0 && console.log(rootLine(row)) });
  console.log(`${rootTable(met)}\n`);
  isBroken ||= met.some(({ problems }) => problems.length > 0);
}
if (isWanted('hosts')) {
  const missing = missingForSsh();
  if (missing !== null) console.log(`no change of a model host can be tried here: ${missing}\n`);
  else {
    const hosts = await hostFaultRows({
      changes: Number(flags.count ?? HOST_CHANGES),
      seed: Number(flags.seed ?? 1),
      onChange: (turn, fault, outcome) => console.log(`${turn + 1}. ${fault}: ${outcome}`),
    });
    const left = diskObstacle === null ? '' : `\nno full disk: ${diskObstacle}`;
    console.log(`changes of a model host\n${hostFaultTable(hosts)}${left}\n`);
    isBroken ||= hosts.some((row) => row.problems.length > 0);
  }
}
if (isWanted('kernel')) {
  console.log('interrupts at random');
  const only = new RegExp(flags.only ?? '');
  const found = findInterpreters().filter(({ minor }) => only.test(minor));
  // Side by side: each waits for its own session most of the while.
  await Promise.all(
    found.map(async ({ minor, path }, position) => {
      if (path === null) return console.log(`Python ${minor}: not on this machine`);
      const random = seeded(Number(flags.seed ?? 30) + position);
      const requests = Number(flags.count ?? KERNEL_REQUESTS);
      const run = await kernelRun({ pythonPath: path, requests, random });
      console.log(kernelTable([run]));
      isBroken ||= run.problems.length > 0;
    }),
  );
}
if (flags['read-only']) {
  const readOnly = await readOnlyRows(new RegExp(flags.only ?? ''), (row) => console.log(readOnlyLine(row)));
  console.log(`${readOnlySummary(readOnly)}\n`);
  isBroken ||= readOnly.some(isWriting);
} else if (flags.offline) {
  const offline = await offlineRows(new RegExp(flags.only ?? ''), (row) => console.log(offlineLine(row)));
  isBroken ||= offline.some(({ problem }) => problem !== null);
} else if (isWanted('zoo')) {
  console.log('damaged runtimes');
  const zoo = await zooRows(
    {
      ...(flags.only === undefined ? {} : { only: new RegExp(flags.only) }),
      hasSingles: flags.pairs === undefined,
      pairs: Number(flags.pairs ?? (parts.length === 0 ? ZOO_PAIRS : 0)),
      seed: Number(flags.seed ?? 1),
      from: Number(flags.from ?? 0),
    },
    (row) => console.log(zooLine(row)),
  );
  console.log(`${zooSummary(zoo)}\n`);
  isBroken ||= zoo.some((row) => row.problems.length > 0);
}
if (isWanted('damages')) {
  console.log('one file deleted or cut short');
  const damages = await damageRows({
    count: Number(flags.count ?? DAMAGES),
    random: seeded(Number(flags.seed ?? 50)),
    onRow: (row) => console.log(damageLine(row)),
  });
  console.log(`${damageTable(damages)}\n`);
  isBroken ||= damages.some((row) => row.problems.length > 0);
}
if (isWanted('embeddings')) {
  console.log('what keeps vectors from coming');
  await withRig(async (rig) => {
    const faults = await embeddingFaultRows(rig, {
      ...(flags.only === undefined ? {} : { only: new RegExp(flags.only) }),
      onRow: (row) => console.log(embeddingFaultLine(row)),
    });
    console.log(`${embeddingFaultSummary(faults)}\n`);
    isBroken ||= faults.some((row) => row.problems.length > 0);
  });
}
if (isWanted('tests')) {
  const files = ['volumes', 'stopped'].map((name) => `test/faults/${name}.test.ts`);
  const { status } = spawnSync(join(PACKAGE_ROOT, 'node_modules', '.bin', 'vitest'), ['run', ...files], {
    cwd: PACKAGE_ROOT,
    env: { ...process.env, KTX_FAULTS: 'complete' },
    stdio: 'inherit',
  });
  isBroken ||= status !== 0;
}
console.log(
  `${Math.round((performance.now() - startedAt) / 1000)} s, ${isBroken ? 'BROKEN' : 'nothing broken'}`,
);
if (isBroken) process.exitCode = 1;

function cutPlans(): CutPlan[] {
  const instants = (seed: number) => ({ instants: CUT_INSTANTS, random: seeded(seed) });
  return [
    ...CUT_SCENARIOS.flatMap((scenario, position): CutPlan[] => [
      { scenario, at: 'entries', afterSeconds: AFTER_SECONDS },
      { scenario, at: instants(position + 40), afterSeconds: [] },
    ]),
    ...(['off', 'on'] as const).flatMap((overlay) =>
      ON_OVERLAY.map(
        (scenario, position): CutPlan => ({
          scenario,
          overlay,
          at: scenario === 'update' ? 'entries' : instants(position + 60),
          afterSeconds: AFTER_SECONDS_ON_OVERLAY,
        }),
      ),
    ),
  ];
}
