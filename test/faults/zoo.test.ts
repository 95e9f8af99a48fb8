import { afterAll, beforeAll, expect, it } from 'vitest';
import { openZoo, type ZooWorld, zooRow } from './zoo.ts';
import { ZOO } from './zoo-states.ts';

/** One of each family; `npm run test:faults zoo` tries all of them, and pairs. */
const SHORT = [
  'no pyvenv.cfg',
  'interpreter points nowhere',
  'every .py empty',
  'daemon program empty',
  'manifest half-written',
  'uv replaced by a script',
  'half a journal',
  'daemon state garbage',
  'version folder writable for all',
];

const isPossible = process.platform === 'linux' && process.getuid?.() === 0;

let world: ZooWorld;
beforeAll(async () => {
  if (isPossible) world = await openZoo('core');
}, 300_000);
afterAll(() => world?.remove());

it('has at least 40 states, each under its own name', () => {
  const names = ZOO.map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(40);
  expect(new Set(names).size).toBe(names.length);
});

it.skipIf(!isPossible).for(SHORT)(
  'needs root on Linux: finds, mends and undoes "%s" without a network',
  { timeout: 300_000 },
  async (name) => {
    const state = ZOO.find((each) => each.name === name)!;
    expect((await zooRow(world, [state])).problems).toEqual([]);
  },
);

it.skipIf(!isPossible)(
  'needs root on Linux: mends two faults in one run, and undoes both',
  { timeout: 300_000 },
  async () => {
    const states = ['uv missing', 'manifest missing'].map((name) => ZOO.find((each) => each.name === name)!);
    expect((await zooRow(world, states)).problems).toEqual([]);
  },
);
