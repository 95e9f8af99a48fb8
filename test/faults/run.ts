import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { type FlipRow, flipRows, flipTable } from './bit-flips.ts';
import { crowdRows, crowdTable } from './crowd.ts';
import { type KillPlan, type KillRow, killRows, killTable, type Scenario, seeded } from './kill.ts';

/**
 * `npm run test:faults [part…]`: kill -9 at every journal entry and at 60 random instants, bits flipped in all that an install reads,
 * processes that do everything at once, and the tests of this folder in their complete form. Parts: the scenarios, `flips`, `crowd`,
 * `tests`.
 */
const SCENARIOS: readonly Scenario[] = ['first install', 'update', 'repair'];
const INSTANTS = 20;
/** A point waits for one process at a time most of the while. */
const PARALLEL = 2;

const FLIPS = 3;

const parts = process.argv.slice(2);
const isWanted = (part: string) => parts.length === 0 || parts.includes(part);
const startedAt = performance.now();
let isBroken = false;
const wheelhouse = await openWheelhouse();
const index = await startLoopbackIndex(wheelhouse);
const plans: KillPlan[] = SCENARIOS.filter(isWanted).flatMap((scenario, position) => [
  { scenario, entries: 'all' as const, instants: 0, random: seeded(position) },
  { scenario, entries: [], instants: INSTANTS, random: seeded(position + 10) },
]);
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
