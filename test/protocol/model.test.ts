import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { checkModel, missingForModel, RULES, traceModel } from './model.ts';
import { replay } from './replay.ts';

/** `npm run test:model` takes wider bounds and more runs. */
const isComplete = process.env['KTX_MODEL'] === 'complete';
const missing = missingForModel();
const title = missing === null ? 'the protocol' : `the protocol (not checked: ${missing} is not installed)`;
const BOUNDS = { ENVS: 3, CHANGES: isComplete ? 5 : 3, KILLS: 1, CUTS: 1 };
const TRACES = isComplete ? 200 : 20;

describe.skipIf(missing !== null)(title, { timeout: 900_000 }, () => {
  it('loses no runtime, removes nothing in use and goes back where it says, in every interleaving', async () => {
    const { states, violated } = await checkModel(await temporaryFolder(), BOUNDS);
    if (isComplete) console.log(`${states} states within ${JSON.stringify(BOUNDS)}`);
    expect(violated).toBeNull();
    expect(states).toBeGreaterThan(1000);
  });

  it.each(Object.entries(RULES))('%s is a rule: without it an invariant falls', async (rule, invariant) => {
    const bounds = { ...BOUNDS, CHANGES: 5 };
    const { violated } = await checkModel(await temporaryFolder(), bounds, rule as keyof typeof RULES);
    expect(violated).toContain(invariant);
  });

  it(`the program does what ${TRACES} runs of the model do`, async () => {
    let steps = 0;
    for (let seed = 1; seed <= TRACES; seed++) {
      const trace = traceModel(seed, { ENVS: 4, CHANGES: 8, KILLS: 2 });
      steps += trace.length;
      expect(`${seed}: ${await replay(await temporaryFolder(), trace)}`).toBe(`${seed}: null`);
    }
    if (isComplete) console.log(`${TRACES} traces, ${steps} steps, all equal`);
    expect(steps).toBeGreaterThan(TRACES * 5);
  });
});
