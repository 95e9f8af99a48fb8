import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SOURCES = join(import.meta.dirname, '../../src');
/** Prints how many megabytes of buffers were ever left after the young generation was collected twice. */
const script = (use: string) => `
  import { batchOfEvent, eventEmitter, linesBody } from ${JSON.stringify(join(SOURCES, 'core/events.ts'))};
  import { batchOfBytes } from ${JSON.stringify(join(SOURCES, 'support/line-batch.ts'))};
  import { createLogStore } from ${JSON.stringify(join(SOURCES, 'present/log-store.ts'))};
  const store = createLogStore();
  const emit = eventEmitter((event) => store.appendBatch(batchOfEvent(event)));
  const kept = [];
  let mostBytes = 0;
  for (let round = 0; round < 640; round++) {
    const bytes = Buffer.from(new ArrayBuffer(64 * 1024)).fill('a line of seven words and an end\\n');
    const batch = batchOfBytes(bytes, 2048);
    ${use}
    if (round % 16 === 15) {
      gc({ type: 'minor' });
      gc({ type: 'minor' });
      mostBytes = Math.max(mostBytes, process.memoryUsage().arrayBuffers);
    }
    // As a chunk is read.
    await new Promise(setImmediate);
  }
  console.log(mostBytes / 1024 / 1024);
`;
const leftMegabytes = (use: string): number =>
  Number(
    execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script(use)], {
      encoding: 'utf8',
    }),
  );

// 40 MB go through.
it.each([
  ['a batch', 'batch.count;'],
  ['an event', `emit(linesBody('packages', 'stdout', batch));`],
])('the bytes of %s are free once nobody needs them, without a full collection', (_name, use) => {
  expect(leftMegabytes(use)).toBeLessThan(12);
});

it('what is kept is not free', () => {
  expect(leftMegabytes('kept.push(batch);')).toBeGreaterThan(39);
});
