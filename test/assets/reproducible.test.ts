import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WORK } from '../../scripts/assets/build-assets.ts';
import { committedSources } from '../../scripts/assets/check-assets.ts';
import { WHEEL_PROJECT } from '../../scripts/assets/paths.ts';
import { openToolbox, type Toolbox } from '../../src/maker/toolbox.ts';
import { buildWheel } from '../../src/maker/wheel.ts';

describe('the wheel', () => {
  // The pinned uv and its build backend, from the machine's package index; kept for the next run.
  let tools: Toolbox;
  beforeAll(async () => {
    tools = await openToolbox(WORK);
  }, 180_000);

  let folder = '';
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('has the same bytes from another checkout: other folder, times and permissions', async () => {
    const { assetDir } = committedSources();
    folder = await mkdtemp(join(tmpdir(), 'ktx-wheel-'));
    cpSync(WHEEL_PROJECT, folder, { recursive: true });
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      chmodSync(join(entry.parentPath, entry.name), 0o600);
      utimesSync(join(entry.parentPath, entry.name), 1e9, 1e9);
    }
    const first = await buildWheel(folder, tools, WORK);
    expect((await buildWheel(folder, tools, WORK)).bytes.equals(first.bytes)).toBe(true);
    expect(existsSync(join(assetDir, first.file))).toBe(true);
    expect(first.bytes.equals(readFileSync(join(assetDir, first.file)))).toBe(true);
  });
});
