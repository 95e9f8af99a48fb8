import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { link, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { managedPythonRuntimeLayout } from '../../../src/core/layout.ts';
import { commitEnvironment } from '../../../src/runtime/switch.ts';
import type { Artefact } from '../../../src/shipped/lock.ts';
import { openStore } from '../../../src/store/store.ts';
import { writeFileAtomic } from '../../../src/support/fs/atomic-file.ts';
import { writeRuntime } from '../../fixtures/asset.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { watchSyncs } from '../../fixtures/watch-syncs.ts';

/** A power cut takes what was not synced, and a rename may outlive the bytes that it names: so the order counts. */
const textOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : null);

describe.runIf(process.platform === 'linux')('what lasts through a power cut', () => {
  it('a file: its bytes are synced before it takes its place, its folder afterwards', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    const syncs = await watchSyncs(() => textOf(path));
    await writeFileAtomic(path, 'new');
    expect(syncs).toEqual([
      { path: expect.stringMatching(/\/file\.\d+\.[0-9a-f]{8}\.tmp$/), seen: 'old' },
      { path: folder, seen: 'new' },
    ]);
  });

  it('an artefact of the store', async () => {
    const storeDir = join(await temporaryFolder(), 'store');
    const sha256 = createHash('sha256').update('wheel').digest('hex');
    const artefact: Artefact = { sha256, file: 'a.whl', kind: 'wheel', sizeBytes: 5, unpackedBytes: null };
    const store = openStore(storeDir);
    const syncs = await watchSyncs(() => textOf(store.pathOf(artefact)));
    await store.put(
      artefact,
      (async function* () {
        yield Buffer.from('wheel');
      })(),
    );
    expect(syncs).toEqual([
      { path: join(storeDir, `${sha256}.partial`), seen: null },
      { path: join(storeDir, sha256), seen: 'wheel' },
    ]);
  });

  it("the switch: the environment's own record first, then the manifest", async () => {
    const { layout, environmentDir, manifest } = await given();
    const record = join(environmentDir, 'environment.json');
    const syncs = await watchSyncs(() => [textOf(record) !== null, textOf(layout.manifestPath) !== null]);
    await commitEnvironment(layout, environmentDir, manifest, null);
    expect(syncs.map(({ seen }) => seen)).toEqual([
      [false, true],
      [true, true],
      [true, true],
      [true, true],
    ]);
    expect(syncs[1]!.path).toBe(environmentDir);
    expect(syncs[2]!.path).toMatch(/manifest\.json\.\d+\.[0-9a-f]{8}\.tmp$/);
    expect(syncs[3]!.path).toBe(layout.versionDir);
  });
});

async function given() {
  const runtimeRoot = await temporaryFolder();
  const manifest = await writeRuntime(runtimeRoot, '0.3.0');
  const layout = managedPythonRuntimeLayout({ cliVersion: '0.3.0', runtimeRoot });
  const environmentDir = join(layout.versionDir, 'envs', 'aaaaaaaa');
  await mkdir(environmentDir);
  return { layout, environmentDir, manifest };
}

it('the switch replaces the manifest and never writes into it: who reads sees the old one or the new one', async () => {
  const { layout, environmentDir, manifest } = await given();
  const before = await readFile(layout.manifestPath, 'utf8');
  const kept = join(layout.versionDir, 'kept');
  // A second name of the same file: a write into it would show there.
  await link(layout.manifestPath, kept);
  await commitEnvironment(layout, environmentDir, { ...manifest, installedAt: 'later' }, null);
  expect(await readFile(kept, 'utf8')).toBe(before);
  expect(await readFile(layout.manifestPath, 'utf8')).toContain('later');
});
