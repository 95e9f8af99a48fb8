import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { discardPlan, planSetup } from '../../src/setup/setup.ts';
import { type Interception, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { startServer } from '../fixtures/network.ts';
import { plainEnvironment } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';

type Listener = Parameters<typeof startServer>[0];

/** A probe ends after two seconds, the next begins after one: a machine that stands still for longer mixes them up. */
const PATIENT = { timeout: 120_000, retry: 2 };

/** A plan on an empty home, with an official host and an index that do as they are told. */
async function planWith(answerUv: Listener, answerUvPage: Interception) {
  const home = await temporaryFolder();
  const official = await startServer((request, response) => {
    if (request.url!.includes('cpython')) response.writeHead(410).end();
    else answerUv(request, response);
  });
  const index = await startLoopbackIndex(
    await openWheelhouse(),
    (request, response) => request.url!.endsWith('/simple/uv/') && answerUvPage(request, response),
  );
  onTestFinished(async () => {
    await official.close();
    await index.close();
  });
  const notes: string[] = [];
  const plan = await planSetup({
    cliVersion: '0.3.0',
    features: ['core'],
    runtimeRoot: join(home, 'runtime'),
    homeDir: home,
    indexUrl: index.url,
    env: { ...plainEnvironment(home), UV_ASTRAL_MIRROR_URL: official.url },
    onEvent: (event) => void (event.type === 'note' && notes.push(event.text)),
  });
  if (plan.status !== 'install') throw new Error('nothing to install');
  return { plan, uv: plan.summary.rows.find(({ id }) => id === 'uv')!, official, index, notes };
}

it("while uv's official host is silent, the index is asked for it", PATIENT, async () => {
  let isWaiting = false;
  const wasWaiting: boolean[] = [];
  const { plan, uv, official, index } = await planWith(
    (_request, response) => {
      isWaiting = true;
      response.once('close', () => {
        isWaiting = false;
      });
    },
    () => {
      wasWaiting.push(isWaiting);
      return false;
    },
  );
  await discardPlan(plan);
  expect(plan.summary.hosts).toContain(index.host);
  expect(uv.rejected.join()).toContain(official.host);
  expect(wasWaiting).toEqual([true]);
});

it('what the index says of uv is not told when the official host had it after all', PATIENT, async () => {
  const isAsked = Promise.withResolvers<void>();
  const isPlanned = Promise.withResolvers<void>();
  const { plan, uv, official, notes } = await planWith(
    (_request, response) => void isAsked.promise.then(() => response.writeHead(200).end()),
    (_request, response) => {
      isAsked.resolve();
      void isPlanned.promise.then(() => response.writeHead(404).end());
      return true;
    },
  );
  expect(uv.place).toBe(official.host);
  isPlanned.resolve();
  await delay(200);
  await discardPlan(plan);
  expect(notes.filter((text) => text.includes('.whl') && text.includes('uv-'))).toEqual([]);
});
