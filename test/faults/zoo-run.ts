import { seeded } from './kill.ts';
import { IncompatibleStates, openZoo, statesFor, type ZooRow, zooRow, zooTable } from './zoo.ts';

export interface ZooPlan {
  /** Names of states; absent: all. */
  only?: RegExp;
  pairs: number;
  seed: number;
}

/** The whole zoo: every state alone, then pairs at random. */
export async function zooRows(plan: ZooPlan, onRow: (row: ZooRow) => void = () => {}): Promise<ZooRow[]> {
  const rows: ZooRow[] = [];
  const tell = (row: ZooRow) => {
    rows.push(row);
    onRow(row);
  };
  const random = seeded(plan.seed);
  for (const feature of ['core', 'local-embeddings'] as const) {
    const world = await openZoo(feature);
    try {
      const states = statesFor(world).filter(({ name }) => plan.only?.test(name) ?? true);
      for (const state of states) tell(await zooRow(world, [state]));
      const pairable = states.filter(
        ({ repair, needs, uid, isFinal, env }) =>
          repair !== null && needs !== 'deep' && uid === undefined && !isFinal && env === undefined,
      );
      if (feature === 'core') {
        const pick = () => pairable[Math.floor(random() * pairable.length)]!;
        for (let pair = 0; pair < plan.pairs; ) {
          const row = await zooRow(world, [pick(), pick()]).catch((error: unknown) => {
            if (error instanceof IncompatibleStates) return null;
            throw error;
          });
          if (row === null) continue;
          tell(row);
          pair++;
        }
      }
    } finally {
      await world.remove();
    }
  }
  return rows;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [only, pairs = '0'] = process.argv.slice(2);
  const plan = { ...(only ? { only: new RegExp(only) } : {}), pairs: Number(pairs), seed: 1 };
  const rows = await zooRows(plan, (row) => console.log(zooTable([row]).split('\n').slice(0, -1).join('\n')));
  console.log(zooTable(rows).split('\n').at(-1));
}
