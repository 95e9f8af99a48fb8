import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeInventory } from '../../src/runtime/inventory.ts';

describe('the inventory of a runtime root', () => {
  let runtimeRoot: string;

  beforeEach(async () => {
    runtimeRoot = await mkdtemp(join(tmpdir(), 'ktx-inventory-'));
  });

  afterEach(async () => {
    await rm(runtimeRoot, { recursive: true, force: true });
  });

  it('looks on when a file goes away under its eyes', async () => {
    const locks = join(runtimeRoot, 'uv', 'locks');
    await mkdir(locks, { recursive: true });
    let isOver = false;
    const churn = Array.from({ length: 20 }, async (_, pid) => {
      const file = join(locks, `0.3.0.lock.holder.json.${pid}.tmp`);
      while (!isOver) {
        await writeFile(file, '{}');
        await rm(file);
      }
    });
    try {
      for (let round = 0; round < 20; round += 1) {
        expect((await takeInventory(runtimeRoot)).foreign).toEqual([]);
      }
    } finally {
      isOver = true;
      await Promise.all(churn);
    }
  });
});
