import { existsSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { command, openZoo, type ZooWorld, zooRow } from './zoo.ts';
import { readOnlyRow } from './zoo-read-only.ts';
import { ZOO } from './zoo-states.ts';
import { differenceOf, treeOf } from './zoo-tree.ts';

/** One of each family, two more in the pair below; `npm run test:faults zoo` tries all of them, and pairs. */
const SHORT = [
  'no pyvenv.cfg',
  'every .py empty',
  'uv replaced by a script',
  'half a journal',
  'daemon state garbage',
  'version folder writable for all',
];

const isPossible = process.platform === 'linux' && process.getuid?.() === 0;

let world: ZooWorld;
beforeAll(async () => {
  if (isPossible) world = await openZoo('core');
});
afterAll(() => world?.remove());

it('has at least 40 states, each under its own name', () => {
  const names = ZOO.map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(40);
  expect(new Set(names).size).toBe(names.length);
});

it.skipIf(!isPossible).for(SHORT)(
  'needs root on Linux: finds, mends and undoes "%s" without a network',
  async (name) => {
    const state = ZOO.find((each) => each.name === name)!;
    expect((await zooRow(world, [state])).problems).toEqual([]);
  },
);

it.skipIf(!isPossible).for([
  ['uv missing', 'manifest missing'],
  // The one hides the other, and both stand between a run of repairs and its lock.
  ['lock is a folder', 'envs is a link to itself'],
])('needs root on Linux: mends two faults in one run, and undoes both: %s', async (names) => {
  const states = names.map((name) => ZOO.find((each) => each.name === name)!);
  expect((await zooRow(world, states)).problems).toEqual([]);
});

it.skipIf(!isPossible)(
  'needs root on Linux: a repair that fails puts back what the ones before it changed',
  async () => {
    await world.reset();
    const { paths } = world;
    await chmod(paths.versionDir, 0o777);
    await rm(join(paths.env, 'pyvenv.cfg'));
    await rm(join(paths.root, 'uv', 'store'), { recursive: true });
    const before = await treeOf(paths);
    const { exitCode, stderr } = await command(world, ['doctor', '--fix', '--yes', '--offline'], true);
    expect(stderr).toContain('done: mend-permissions');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('All changes were rolled back.')]);
    expect(differenceOf(before, await treeOf(paths))).toBeNull();
  },
);

it.skipIf(!isPossible || !existsSync('/usr/bin/strace'))(
  'needs root on Linux, and strace: no check writes into the runtime, deep ones included, and no plan of a repair',
  async () => {
    const whole = await readOnlyRow(world, null, ['--deep']);
    expect(whole.exitCode).toBe(0);
    expect(whole).toMatchObject({ writes: [], isChanged: false });
    expect(whole.calls).toBeGreaterThan(100);
    const state = ZOO.find(({ name }) => name === 'no pyvenv.cfg')!;
    expect(await readOnlyRow(world, state, ['--fix'])).toMatchObject({ writes: [], isChanged: false });
  },
);
