import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configureKtxSetup, forgetEmbedder } from '../../src/core/embedder.ts';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import { pruneManagedPythonRuntimes } from '../../src/lifecycle/prune.ts';
import { planUninstall, uninstallManagedPythonRuntimes } from '../../src/lifecycle/uninstall.ts';
import { readManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const cliVersion = '0.3.0';
let runtimeRoot: string;

const proof = { imports: ['acme'], serves: false };

beforeEach(async () => {
  runtimeRoot = await temporaryFolder();
  for (const version of ['0.2.0', cliVersion]) {
    await writeRuntime(runtimeRoot, version);
    for (const name of ['acme', 'umbrella']) {
      const folder = `${version}+wheel.${name}`;
      const written = await writeRuntime(runtimeRoot, folder);
      const asset = { ...written.asset, distributionName: name, normalizedName: name, proof };
      const manifest = { ...written, cliVersion: version, asset };
      await writeFile(join(runtimeRoot, folder, 'manifest.json'), JSON.stringify(manifest));
    }
  }
  await mkdir(join(runtimeRoot, 'uv', 'store', 'a'.repeat(64)), { recursive: true });
});
afterEach(forgetEmbedder);

const as = (name: string | null) => {
  forgetEmbedder();
  if (name !== null) configureKtxSetup({ name, assetDir: `/${name}/assets` });
};
const folders = async () => (await readdir(runtimeRoot)).sort();

describe('programs with wheels of their own in one root', () => {
  it('each find their own runtime', async () => {
    for (const name of ['acme', 'umbrella', null]) {
      as(name);
      const { kind, manifest, layout } = await readManagedPythonRuntimeStatus({ cliVersion, runtimeRoot });
      expect(kind).toBe('ready');
      expect(manifest?.asset.distributionName).toBe(name ?? 'kaelio-ktx');
      expect(layout.versionDir).toBe(managedPythonRuntimeLayout({ cliVersion, runtimeRoot }).versionDir);
    }
  });

  it('prune their own other versions alone', async () => {
    as('acme');
    expect(await pruneManagedPythonRuntimes({ cliVersion, runtimeRoot })).toEqual({
      runtimeRoot,
      stale: [join(runtimeRoot, '0.2.0+wheel.acme')],
      kept: [join(runtimeRoot, '0.3.0+wheel.acme')],
      removed: [join(runtimeRoot, '0.2.0+wheel.acme')],
    });
    as(null);
    const { removed } = await pruneManagedPythonRuntimes({ cliVersion, runtimeRoot });
    expect(removed).toEqual([join(runtimeRoot, '0.2.0')]);
    expect(await folders()).toEqual([
      '0.2.0+wheel.umbrella',
      '0.3.0',
      '0.3.0+wheel.acme',
      '0.3.0+wheel.umbrella',
      'uv',
    ]);
  });

  it('take the lock of their own folder, not that of a version that others have too', async () => {
    as('acme');
    await pruneManagedPythonRuntimes({ cliVersion, runtimeRoot });
    const locks = (await readdir(join(runtimeRoot, 'uv', 'locks'))).filter((name) => name.endsWith('.lock'));
    expect(locks).toContain('0.3.0+wheel.acme.lock');
    expect(locks).not.toContain('0.3.0.lock');
  });

  it('uninstall what is theirs, and the last one what all share', async () => {
    as('acme');
    const plan = await planUninstall({ runtimeRoot });
    expect(plan.parts.map(({ what }) => what)).toEqual([
      'runtime 0.2.0+wheel.acme',
      'runtime 0.3.0+wheel.acme',
    ]);
    expect(plan.others).toHaveLength(4);
    expect((await uninstallManagedPythonRuntimes({ runtimeRoot })).left).toEqual([]);
    as(null);
    await uninstallManagedPythonRuntimes({ runtimeRoot });
    expect(await folders()).toEqual(['0.2.0+wheel.umbrella', '0.3.0+wheel.umbrella', 'uv']);
    expect(await readdir(join(runtimeRoot, 'uv', 'store'))).toHaveLength(1);
    as('umbrella');
    await uninstallManagedPythonRuntimes({ runtimeRoot });
    expect(await readdir(runtimeRoot).catch(() => [])).toEqual([]);
  });
});
