import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { acquireUv } from '../../../src/setup/build/acquire-uv.ts';
import type { UvAcquisition } from '../../../src/setup/plan/install-plan.ts';
import { setupNetwork } from '../../../src/setup/session/setup-network.ts';
import { detectHost } from '../../../src/shipped/target.ts';
import { openStore } from '../../../src/store/store.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** Gets a uv like this, offline, where another program is in its place. */
async function acquire(make: (path: string) => UvAcquisition) {
  const folder = await temporaryFolder();
  const path = join(folder, 'uv');
  await writeFile(path, '#!/bin/sh\n', { mode: 0o755 });
  const env = { HOME: folder };
  const network = setupNetwork({ env, homeDir: folder, runtimeRoot: folder, isOffline: true, lock: null });
  const store = openStore(join(folder, 'store'));
  const tools = { network, store, ensureUv: {} };
  const plan = { uv: make(path), host: await detectHost() };
  try {
    const outcome = await acquireUv(plan, tools, () => {});
    expect((await stat(path)).size).toBe(10);
    return outcome;
  } finally {
    await network.close();
  }
}

it('one that was given, or is here without a pin, is taken as it is', async () => {
  expect(await acquire((path) => ({ kind: 'given', path }))).toEqual({ downloadedBytes: 0 });
  expect(await acquire((path) => ({ kind: 'here', path, isPinned: false }))).toEqual({ downloadedBytes: 0 });
});

it('one that is pinned is looked at again: another program may have come in its place since the plan', async () => {
  await expect(acquire((path) => ({ kind: 'here', path, isPinned: true }))).rejects.toMatchObject({
    failureClass: 'verification',
  });
});

it('one that is to be fetched is not there without a network', async () => {
  const artefact = {
    sha256: 'a'.repeat(64),
    file: 'uv-0.0.1-py3-none-any.whl',
    kind: 'uv' as const,
    sizeBytes: 1,
    unpackedBytes: 1,
  };
  await expect(acquire((path) => ({ kind: 'fetch', path, artefact }))).rejects.toMatchObject({
    failureClass: 'network',
  });
});
