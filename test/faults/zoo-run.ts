import { seeded } from './kill.ts';
import { IncompatibleStates, openZoo, statesFor, type ZooRow, type ZooWorld, zooRow } from './zoo.ts';
import type { ZooState } from './zoo-state.ts';

export interface ZooPlan {
  /** Names of states; absent: all. */
  only?: RegExp;
  /** Whether each state is tried alone; pairs are drawn from them either way. */
  hasSingles: boolean;
  pairs: number;
  seed: number;
  /** How many of the states, or of the pairs, were done by an earlier run. */
  from: number;
}

/** Neighbouring seeds begin with neighbouring numbers. */
const SPREAD = 0x9e3779b1;
/** Most of a row is waiting: for disks, and for a daemon to come up. */
const WORLDS = 2;

/** The whole zoo: every state alone, then pairs at random. */
export async function zooRows(plan: ZooPlan, onRow: (row: ZooRow) => void = () => {}): Promise<ZooRow[]> {
  const rows: ZooRow[] = [];
  const tell = (row: ZooRow) => {
    rows.push(row);
    onRow(row);
  };
  await withWorlds('core', WORLDS, async (worlds) => {
    const states = chosen(worlds[0]!, plan.only);
    if (plan.hasSingles) {
      const waiting = states.slice(plan.from).values();
      await inEach(worlds, async (world) => {
        for (const state of waiting) tell(await zooRow(world, [state]));
      });
    }
    let number = plan.hasSingles ? 0 : plan.from;
    await inEach(worlds, async (world) => {
      while (number < plan.pairs) {
        const own = ++number;
        const pairs = pairsOf(states, seeded(Math.imul(plan.seed * 1000 + own, SPREAD)));
        const row = await pairRow(world, pairs);
        tell({ ...row, state: `${own} ${row.state}` });
      }
    });
  });
  if (plan.hasSingles)
    await withWorlds('local-embeddings', 1, async ([world]) => {
      for (const state of chosen(world!, plan.only)) tell(await zooRow(world!, [state]));
    });
  return rows;
}

async function withWorlds(
  feature: 'core' | 'local-embeddings',
  count: number,
  action: (worlds: ZooWorld[]) => Promise<void>,
): Promise<void> {
  const worlds = await Promise.all(Array.from({ length: count }, () => openZoo(feature)));
  try {
    await action(worlds);
  } finally {
    await Promise.all(worlds.map((world) => world.remove()));
  }
}

function inEach(worlds: readonly ZooWorld[], work: (world: ZooWorld) => Promise<void>): Promise<unknown> {
  return Promise.all(worlds.map(work));
}

function chosen(world: ZooWorld, only: RegExp | undefined): ZooState[] {
  return statesFor(world).filter(({ name }) => only?.test(name) ?? true);
}

/** Two different states, again and again until two are found that can be had together; the same ones for a seed. */
function* pairsOf(states: readonly ZooState[], random: () => number): Generator<ZooState[], never> {
  const pairable = states.filter(
    ({ repair, needs, uid, isFinal, env, under }) =>
      repair !== null &&
      needs !== 'deep' &&
      uid === undefined &&
      !isFinal &&
      env === undefined &&
      under === undefined,
  );
  if (pairable.length < 2) throw new Error('pairs need two states');
  const pick = () => pairable[Math.floor(random() * pairable.length)]!;
  for (;;) {
    const pair = [pick(), pick()];
    if (pair[0] !== pair[1]) yield pair;
  }
}

async function pairRow(world: ZooWorld, pairs: Generator<ZooState[], never>): Promise<ZooRow> {
  for (;;) {
    try {
      return await zooRow(world, pairs.next().value);
    } catch (error) {
      if (!(error instanceof IncompatibleStates)) throw error;
    }
  }
}
