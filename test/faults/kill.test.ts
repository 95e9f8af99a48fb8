import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { type KillPlan, killRows, killTable, seeded } from './kill.ts';

/** The short form of `npm run test:faults`: a few points of each kind. */
let index: LoopbackIndex;
beforeAll(async () => {
  index = await startLoopbackIndex(await openWheelhouse());
});
afterAll(() => index.close());

/** While packages are checked, while uv installs, between the switch and what follows it; and at some instant. */
const plan: KillPlan = { scenario: 'update', entries: [3, 8, 13], instants: 1, random: seeded(2) };

it('kill -9 during an update leaves the old or the new runtime', async () => {
  const rows = await killRows(index, plan);
  console.log(killTable(rows));
  expect(rows.flatMap(({ broken }) => broken)).toEqual([]);
  expect(rows.reduce((sum, row) => sum + row.points, 0)).toBe(4);
});
