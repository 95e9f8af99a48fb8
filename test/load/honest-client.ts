// Asks questions and looks at /health beside hostile clients; sends what it saw to its parent. Arguments: port, seconds. Begins when it is told to.
import { setTimeout as delay } from 'node:timers/promises';
import { post } from '../fixtures/embeddings-rig.ts';

export interface HonestResult {
  /** Milliseconds of each look at /health. */
  health: number[];
  /** By how many milliseconds a sleep was longer than it should: what the machine alone does. */
  naps: number[];
  asked: number;
  answered: number;
  /** 429 and 503, which say when to come back. */
  refused: number;
  wrong: number;
}

const [port, seconds] = process.argv.slice(2).map(Number) as [number, number];
let until = 0;
const isOver = () => performance.now() > until;
const result: HonestResult = { health: [], naps: [], asked: 0, answered: 0, refused: 0, wrong: 0 };
const QUESTION = { text: 'an honest question' };

async function lookAtHealth(): Promise<void> {
  while (!isOver()) {
    const startedAt = performance.now();
    await (await fetch(`http://127.0.0.1:${port}/health`)).json();
    result.health.push(performance.now() - startedAt);
    const napStartedAt = performance.now();
    await delay(100);
    result.naps.push(performance.now() - napStartedAt - 100);
  }
}

async function ask(): Promise<void> {
  while (!isOver()) {
    result.asked++;
    const answer = await post(port, '/embeddings/compute', QUESTION).catch(() => null);
    const body = (await answer?.json().catch(() => null)) as { embedding?: number[] } | null;
    if (answer?.status === 200) {
      result.answered++;
      const length = Math.hypot(...(body?.embedding ?? []));
      if (body?.embedding?.length !== 384 || Math.abs(length - 1) > 1e-3) result.wrong++;
    } else if (answer?.status === 429 || answer?.status === 503) result.refused++;
    await delay(200);
  }
}

process.once('message', async () => {
  until = performance.now() + seconds * 1000;
  await Promise.all([lookAtHealth(), ask()]);
  process.send!(result, () => process.exit());
});
