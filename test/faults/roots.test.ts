import { expect, it } from 'vitest';
import { rootLine, rootRows } from './roots.ts';

/** The complete form is `npm run test:faults roots`. */
it('an old version leaves whole what only a newer one understands, and says who wrote it', async () => {
  const rows = await rootRows({ writers: ['9.0.0'], readers: ['0.0.0'] });
  expect(rows).not.toEqual([]);
  expect(rows.filter(({ problems }) => problems.length > 0).map(rootLine)).toEqual([]);
});
