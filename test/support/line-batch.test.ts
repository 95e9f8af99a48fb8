import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SOURCES = join(import.meta.dirname, '../../src');
/** Prints how many megabytes of buffers are left after the young generation was collected twice. */
const script = (use: string) => `
  import { batchOfEvent, eventEmitter, linesBody } from ${JSON.stringify(join(SOURCES, 'core/events.ts'))};
  import { createByteTail } from ${JSON.stringify(join(SOURCES, 'process/byte-tail.ts'))};
  import { batchOfBytes } from ${JSON.stringify(join(SOURCES, 'support/line-batch.ts'))};
  import { createLogStore } from ${JSON.stringify(join(SOURCES, 'present/log-store.ts'))};
  const store = createLogStore();
  const tail = createByteTail(1024 * 1024);
  const emit = eventEmitter((event) => store.appendBatch(batchOfEvent(event)));
  const kept = [];
  for (let round = 0; round < 640; round++) {
    const bytes = Buffer.from(new ArrayBuffer(64 * 1024)).fill('a line of seven words and an end\\n');
    const batch = batchOfBytes(bytes, 2048);
    ${use}
    if (round % 16 === 0) gc({ type: 'minor' });
    // As a chunk is read.
    await new Promise(setImmediate);
  }
  gc({ type: 'minor' });
  gc({ type: 'minor' });
  console.log(process.memoryUsage().arrayBuffers / 1024 / 1024);
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
  ['the end of the output', 'tail.push(bytes);'],
])('the bytes of %s are free once nobody needs them, without a full collection', (_name, use) => {
  expect(leftMegabytes(use)).toBeLessThan(16);
});

it('what is kept is not free', () => {
  expect(leftMegabytes('kept.push(batch);')).toBeGreaterThan(39);
});
