import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeWorld, strays, type World, whoAnswers } from '../fixtures/fault-world.ts';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';

/** Set by `npm run test:faults`: long enough for every lock that goes by timestamps to be taken for left. */
const STOPPED_MS = process.env['KTX_FAULTS'] === 'complete' ? 60_000 : 0;

let index: LoopbackIndex;
let world: World;
beforeAll(async () => {
  index = await startLoopbackIndex(await openWheelhouse());
  world = await makeWorld(index);
});
afterAll(async () => {
  await world.remove();
  await index.close();
});

it('nothing is stolen from a stopped setup', { timeout: STOPPED_MS + 60_000 }, async () => {
  const first = world.start(world.options());
  await first.noted('"step":"packages"');
  first.send('SIGSTOP');
  const second = world.start(world.options());
  await second.noted(`process ${first.pid}`);
  await delay(STOPPED_MS);
  let hasEnded = false;
  void second.ended.then(() => {
    hasEnded = true;
  });
  // It has had its turn to look: a third one sees the same holder, and is still no closer.
  const third = world.start(world.options());
  await third.noted(`process ${first.pid}`);
  expect(hasEnded).toBe(false);
  first.send('SIGCONT');
  const ends = await Promise.all([first.ended, second.ended, third.ended]);
  const statuses = ends.map(({ events }) => events.find(({ type }) => type === 'result')?.result?.status);
  expect(statuses).toEqual(['installed', 'ready', 'ready']);
  expect(await whoAnswers(world, null)).toBe('new');
  expect(await strays(world)).toEqual([]);
});
