import { setTimeout as delay } from 'node:timers/promises';
import {
  type Daemon,
  LONG_TEXT,
  megabytes,
  memoryOf,
  post,
  processesOf,
  type Rig,
  type Say,
  startDaemon,
  stopDaemon,
  timeOfText,
} from '../../fixtures/embeddings-rig.ts';
import { medianOf } from '../bench-row.ts';

/** In the place of the 300 seconds after which an engine ends by itself. */
const IDLE = { KTX_EMBEDDINGS_IDLE_SECONDS: '1' };
const ROUNDS = 7;
const PROJECTS = 20;
const MAX_IDLE_BYTES = 50e6;
const MAX_TOGETHER_BYTES = 400e6;
const MAX_RETURN_MS = 500;

/** What one daemon gives back when nobody asks, and how soon it is there again. */
export async function idleRows(rig: Rig, say: Say): Promise<void> {
  const daemon = await startDaemon(rig, IDLE);
  try {
    await (await post(daemon.port, '/embeddings/compute-bulk', { texts: Array(100).fill(LONG_TEXT) })).json();
    const loaded = memoryOf(daemon).rss;
    await untilUnloaded(daemon);
    const { rss } = memoryOf(daemon);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      times.push(await timeOfText(daemon.port, 'a'));
      await untilUnloaded(daemon);
    }
    const median = medianOf(times);
    say({
      name: 'memory once idle',
      figure: `${megabytes(rss)}, loaded ${megabytes(loaded)}, at most 50 MB`,
      isMet: rss <= MAX_IDLE_BYTES,
    });
    say({
      name: `next vector after that, median of ${ROUNDS}`,
      figure: `${median.toFixed(0)} ms (${times.map((time) => time.toFixed(0)).join(', ')}), at most 500`,
      isMet: median <= MAX_RETURN_MS,
    });
  } finally {
    await stopDaemon(daemon);
  }
}

/** Daemons of as many projects, all of which had a question. */
export async function projectRows(rig: Rig, say: Say): Promise<void> {
  const daemons: Daemon[] = [];
  try {
    for (let index = 0; index < PROJECTS; index++)
      daemons.push(await startDaemon(rig, { KTX_EMBEDDINGS_IDLE_SECONDS: '60' }));
    for (const { port } of daemons) await timeOfText(port, 'a');
    const loaded = sum(daemons);
    for (const daemon of daemons) await untilUnloaded(daemon);
    const idle = sum(daemons);
    say({
      name: `private memory of ${PROJECTS} projects together, idle`,
      figure: `${megabytes(idle)}, at most 400 MB`,
      isMet: idle <= MAX_TOGETHER_BYTES,
    });
    say({
      name: `the same while all have asked within the time until idle`,
      figure: megabytes(loaded),
      isMet: null,
    });
  } finally {
    await Promise.all(daemons.map(stopDaemon));
  }
}

const sum = (daemons: readonly Daemon[]) =>
  daemons.reduce((total, daemon) => total + memoryOf(daemon).own, 0);

async function untilUnloaded({ child }: Daemon): Promise<void> {
  while (processesOf(child.pid!).length > 1) await delay(200);
  // What the last answer needed is given back after it.
  await delay(500);
}
