import { expect, it } from 'vitest';
import { seeded } from '../faults/kill.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { walkSwitches } from './switch-walk.ts';

/** `KTX_WALK_STEPS=2000` runs the long form. */
const steps = Number(process.env['KTX_WALK_STEPS'] ?? 80);

it.each([1, 2])(
  'whatever is done to versions, what works stays and undo goes where it says: walk %i',
  {
    timeout: 1_500_000,
  },
  async (seed) => {
    const random = seeded(Math.imul(seed, 0x9e3779b1));
    const { steps: taken, violations } = await walkSwitches(await temporaryFolder(), { steps, random });
    if (process.env['KTX_WALK_STEPS']) console.log(taken);
    expect(violations).toEqual([]);
    expect(Object.values(taken).reduce((sum, count) => sum + count)).toBe(steps);
  },
);
