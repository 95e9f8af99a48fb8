import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LoopbackIndex, startLoopbackIndex } from '../../fixtures/loopback-index.ts';
import { openWheelhouse } from '../../fixtures/wheelhouse.ts';
import { seeded } from '../kill.ts';
import { loopDiskObstacle } from './loop-disk.ts';
import { type CutPlan, cutRows } from './rows.ts';
import { cutTable } from './table.ts';

/** The short form of `npm run test:faults power-cut`. */
const obstacle = await loopDiskObstacle();
/** Said by whoever knows that this machine has no loop devices; silence would pass for a test. */
const isExcused = process.env['KTX_NO_LOOP_DEVICES'] === '1';

let index: LoopbackIndex;
beforeAll(async () => {
  index = await startLoopbackIndex(await openWheelhouse());
});
afterAll(() => index.close());

it.runIf(obstacle !== null && !isExcused)(
  'a loop device can be mounted, or KTX_NO_LOOP_DEVICES=1 says why not',
  () => {
    expect.fail(
      `No power cut can be tried here: ${obstacle}. Set KTX_NO_LOOP_DEVICES=1 where that is known.`,
    );
  },
);

const PLANS: CutPlan[] = [
  // While uv installs, before the commit, after it.
  { scenario: 'update', at: [9, 13, 14], afterSeconds: [0] },
  { scenario: 'undo', overlay: 'off', at: { instants: 1, random: seeded(1) }, afterSeconds: [0] },
];

it.runIf(obstacle === null).each(PLANS)(
  'a power cut leaves the old or the new runtime: $scenario',
  { timeout: 600_000 },
  async (plan) => {
    const rows = await cutRows(index, [plan]);
    console.log(cutTable(rows));
    expect(rows.flatMap(({ broken }) => broken)).toEqual([]);
    const wanted = Array.isArray(plan.at) ? plan.at.length : 1;
    expect(rows.reduce((sum, row) => sum + row.images, 0)).toBe(wanted + plan.afterSeconds.length);
  },
);
