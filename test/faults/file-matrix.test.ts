import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { INTRUDERS, type Machine, makeMachine, matrixLines, tryIntruder } from './file-matrix.ts';

/** The short form of `npm run test:faults files`: every third file, what lies in its place in turn. */
let index: LoopbackIndex;
let machine: Machine;
beforeAll(async () => {
  index = await startLoopbackIndex(await openWheelhouse());
  machine = await makeMachine(index);
});
afterAll(async () => {
  await machine?.remove();
  await index?.close();
});

it.runIf(process.platform !== 'win32')(
  'whatever lies in the place of a file: a clear error or a repair, no hang, nothing written through',
  { timeout: 1_800_000 },
  async () => {
    const rows = [];
    expect(machine.files.length).toBeGreaterThan(20);
    for (const [position, file] of machine.files.filter((_, at) => at % 3 === 0).entries())
      rows.push(await tryIntruder(machine, file, INTRUDERS[position % INTRUDERS.length]!));
    console.log(rows.map((row) => matrixLines([row])).join('\n'));
    expect(rows.flatMap(({ file, problems }) => problems.map((text) => `${file}: ${text}`))).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(7);
  },
);
