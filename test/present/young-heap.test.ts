import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const MODULE = join(import.meta.dirname, '../../src/present/ink/young-heap.ts');
/** Prints how much the young generation grew while objects were made that live for a while. */
const script = (begin: string) => `
  import { getHeapSpaceStatistics } from 'node:v8';
  import { keepYoungHeapSmall } from ${JSON.stringify(MODULE)};
  const size = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
  ${begin}
  const before = size();
  let kept = [];
  for (let round = 0; round < 60; round++) {
    if (round % 3 === 0) kept = [];
    for (let index = 0; index < 20_000; index++) kept.push({ index, text: 'line ' + index });
  }
  console.log(size() - before);
`;
const growth = (begin: string): number =>
  Number(execFileSync(process.execPath, ['--input-type=module', '-e', script(begin)], { encoding: 'utf8' }));

it('keeps the young generation of the heap as large as it is', () => {
  // Pages for objects that survive come and go; doubling is what is prevented.
  expect(growth('keepYoungHeapSmall();')).toBeLessThan(4 * 1024 * 1024);
  expect(growth('')).toBeGreaterThan(4 * 1024 * 1024);
});
