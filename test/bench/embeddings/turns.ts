import { setTimeout as delay } from 'node:timers/promises';
import {
  LONG_TEXT,
  p99,
  post,
  processesOf,
  processorSeconds,
  type Rig,
  type Row,
  type Say,
  startDaemon,
  stopDaemon,
  timeOfText,
} from '../../fixtures/embeddings-rig.ts';
import { medianOf } from '../bench-row.ts';

const ROUNDS = 4;
const SINGLES = 30;
const BULKS = 2;
const BULK_TEXTS = 100;
/** A question now and then, as agents ask. */
const PAUSE_MS = 250;

/** What clients of one daemon do to each other. Alone and beside the other in turn, so that a busy moment hits both. */
export async function turnRows(rig: Rig, say: Say): Promise<void> {
  const daemon = await startDaemon(rig);
  try {
    await timeOfText(daemon.port, 'a');
    const alone: number[] = [];
    const beside: number[] = [];
    const shares: number[] = [];
    const speeds: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (let index = 0; index < SINGLES; index++) alone.push(await singleAfterPause(daemon.port, index));
      const speedAlone = await bulks(daemon.port);
      let isOver = false;
      const asking = (async () => {
        for (let index = 0; !isOver; index++) beside.push(await singleAfterPause(daemon.port, index));
      })();
      const speedBeside = await bulks(daemon.port);
      isOver = true;
      await asking;
      shares.push(speedBeside / speedAlone);
      speeds.push(speedAlone);
    }
    const ratio = p99(beside) / p99(alone);
    const share = medianOf(shares);
    say({
      name: `single text p99 beside endless bulks of ${BULK_TEXTS} x 400 words`,
      figure: `${ms(p99(beside))} of ${beside.length}, alone ${ms(p99(alone))} of ${alone.length}: ${ratio.toFixed(1)} x, at most 10`,
      isMet: ratio <= 10,
    });
    say({
      name: `bulk throughput beside single texts, median of ${ROUNDS}`,
      figure: `${percent(share)} of ${medianOf(speeds).toFixed(1)} texts/s alone (${shares.map(percent).join(', ')}), at least 90%`,
      isMet: share >= 0.9,
    });
    say(await abandonedRow(daemon.port, daemon.child.pid!));
  } finally {
    await stopDaemon(daemon);
  }
}

async function singleAfterPause(port: number, index: number): Promise<number> {
  await delay(PAUSE_MS);
  return timeOfText(port, `which region grew in month ${index}`);
}

/** Texts a second. */
async function bulks(port: number): Promise<number> {
  const startedAt = performance.now();
  for (let index = 0; index < BULKS; index++)
    await (await post(port, '/embeddings/compute-bulk', { texts: Array(BULK_TEXTS).fill(LONG_TEXT) })).json();
  return ((BULKS * BULK_TEXTS) / (performance.now() - startedAt)) * 1000;
}

const ABANDONED = 6;

/** In processor time of the engine, which other programs do not change: what is computed after everybody has left. */
async function abandonedRow(port: number, pid: number): Promise<Row> {
  const engine = processesOf(pid)[1]!;
  const spent = async (work: () => Promise<unknown>) => {
    const before = processorSeconds(engine);
    await work();
    return processorSeconds(engine) - before;
  };
  const batches: number[] = [];
  for (let round = 0; round < 5; round++) batches.push(await spent(() => timeOfText(port, LONG_TEXT)));
  const batch = medianOf(batches);
  const leaving = Array.from({ length: ABANDONED }, () => new AbortController());
  const body = JSON.stringify({ texts: Array(BULK_TEXTS).fill(LONG_TEXT) });
  const asked = leaving.map(({ signal }) =>
    post(port, '/embeddings/compute-bulk', body, signal).catch(() => {}),
  );
  await delay(1000);
  const cost = await spent(async () => {
    for (const controller of leaving) controller.abort();
    await Promise.all(asked);
    await delay(3000);
  });
  const next = await timeOfText(port, 'next');
  return {
    name: `${ABANDONED} clients leave in their bulks of ${BULK_TEXTS} x 400 words`,
    figure: `${cost.toFixed(2)} s of processor time after that, a batch takes ${batch.toFixed(2)}: ${(cost / batch).toFixed(1)} batches, at most ${ABANDONED}; next text ${ms(next)}`,
    isMet: cost <= ABANDONED * batch,
  };
}

const ms = (value: number) => `${value.toFixed(0)} ms`;
const percent = (value: number) => `${(value * 100).toFixed(0)}%`;
