import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
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
  });

  let folder = '';
  afterEach(async () => {
    vi.unstubAllEnvs();
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

  test('is built where a version manager has a shim for the wanted Python and no such version', async () => {
    folder = await mkdtemp(join(tmpdir(), 'ktx-wheel-'));
    cpSync(WHEEL_PROJECT, folder, { recursive: true });
    const project = join(folder, 'pyproject.toml');
    const text = readFileSync(project, 'utf8');
    writeFileSync(project, text.replace('requires-python = ">=3.11"', 'requires-python = ">=3.14"'));
    const shims = join(folder, 'shims');
    mkdirSync(shims);
    for (const name of ['python3.14', 'python3.15', 'python3', 'python'])
      writeFileSync(join(shims, name), '#!/bin/sh\necho "no such version" >&2\nexit 127\n', { mode: 0o755 });
    vi.stubEnv('PATH', `${shims}${delimiter}${process.env['PATH']}`);
    const { metadata } = await buildWheel(folder, tools, WORK);
    expect(metadata.python.specifier).toBe('>=3.14');
  });
});
