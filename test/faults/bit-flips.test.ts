import { expect, it } from 'vitest';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { flipRows, flipTable } from './bit-flips.ts';
import { seeded } from './kill.ts';

/** The short form of `npm run test:faults`: one of each kind of reader. */
const SHORT = [
  'lock.json',
  'uv, the binary',
  'stored wheel',
  'installed manifest.json',
  'unpacked Python, site.py',
];

it('a flipped bit in whatever an install reads is refused or repaired', async () => {
  const rows = await flipRows(await openWheelhouse(), 1, seeded(7), (name) => SHORT.includes(name));
  console.log(flipTable(rows));
  expect(rows.flatMap(({ problems }) => problems)).toEqual([]);
  expect(rows).toHaveLength(SHORT.length);
  expect(rows.filter(({ verdicts }) => verdicts.used > 0)).toEqual([]);
});
