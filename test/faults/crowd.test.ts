import { expect, it } from 'vitest';
import { startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { crowdRows, crowdTable } from './crowd.ts';

/** The short form, each time the same things in another order; `npm run test:faults` has the long one. */
it('whatever several processes do at once, none of them fails and nothing is left', async () => {
  const index = await startLoopbackIndex(await openWheelhouse());
  try {
    const rows = await crowdRows(index, { workers: 4, turns: 8, seed: 1 });
    console.log(crowdTable(rows));
    expect(rows.flatMap(({ what, problems }) => problems.map((problem) => `${what}: ${problem}`))).toEqual(
      [],
    );
  } finally {
    await index.close();
  }
});
