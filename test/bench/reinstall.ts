import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KtxRuntimeFeature } from '../../src/core/features.ts';
import { generateRequirements } from '../../src/setup/build/requirements.ts';
import { verifyRuntimeAsset } from '../../src/shipped/asset.ts';
import { readLockedAsset } from '../../src/shipped/locked-asset.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { type BenchRow, compare } from './bench-row.ts';
import { outputOf } from './command-output.ts';
import { timeWithoutProof } from './without-proof.ts';

const PYTHON = '/usr/bin/python3';

/** uv's two commands, started by `node -e` and nothing else done, take 1.16 of what they take a shell: the rest is ours. */
const FEATURES: readonly { name: string; features: KtxRuntimeFeature[]; rounds: number; limit: number }[] = [
  { name: 'core', features: ['core'], rounds: 7, limit: 2.25 },
  {
    name: 'core + local embeddings',
    features: ['core', 'local-embeddings'],
    rounds: 5,
    limit: 1.25,
  },
];

/**
 * What a second setup costs: on a runtime that is ready, and as a new environment from a full store. Each round has a home of its
 * own, since the ext4 file system avoids for minutes what was deleted: with a home for all, uv in our hands took up to twice as long
 * in later rounds, and by hand too when what it had made was deleted each time.
 */
export async function reinstallBench(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const { name, features, rounds, limit } of FEATURES) {
    const bench = await mkdtemp(join(tmpdir(), 'ktx-bench-'));
    try {
      const setup = [
        'setup',
        '--yes',
        '--no-input',
        '--json',
        '--python',
        PYTHON,
        '--feature',
        features.at(-1)!,
      ];
      const program = (home: string, ...more: string[]) =>
        outputOf(process.execPath, [LAUNCHER, ...setup, ...more], plainEnvironment(home));
      const first = join(bench, 'first');
      await program(first);
      if (rows.length === 0) {
        const ready = await compare({
          name: 'ktx setup --yes on a ready runtime',
          yardstick: 'node -e 0',
          limit: 3,
          rounds: 15,
          run: () => program(first),
          runYardstick: () => outputOf(process.execPath, ['-e', '0'], plainEnvironment(first)),
        });
        rows.push(ready);
      }
      const homes = Array.from({ length: rounds + 1 }, (_, round) => join(bench, `home-${round}`));
      // Links, made before the installs: a link changes the times by which an install knows a file again.
      for (const home of homes) {
        await mkdir(sharedFolderOf(home), { recursive: true });
        await outputOf(
          'cp',
          ['-al', ...(await downloadsOf(first)), sharedFolderOf(home)],
          plainEnvironment(first),
        );
      }
      for (const home of homes) await program(home, '--offline');
      const requirementsPath = await writeRequirements(first, features);
      const ready = homes.values();
      let round = 0;
      const reinstall = await compare({
        name: `${name}: reinstall from a full store, the proof aside`,
        yardstick: 'uv venv + uv pip install by hand, the same wheels, an empty cache',
        limit,
        rounds,
        run: () => timeWithoutProof(() => program(ready.next().value!, '--force')),
        runYardstick: () =>
          byHand(first, requirementsPath, join(bench, `hand-${round++}`), plainEnvironment(first)),
        // Our fsync waits for all that is on its way to the disk, also for what uv by hand wrote before.
        before: () => outputOf('sync', [], plainEnvironment(first)),
      });
      rows.push(reinstall);
    } finally {
      await rm(bench, { recursive: true, force: true, maxRetries: 3 });
    }
  }
  return rows;
}

async function byHand(
  home: string,
  requirementsPath: string,
  scratch: string,
  plain: NodeJS.ProcessEnv,
): Promise<void> {
  await mkdir(scratch);
  const uv = join(sharedFolderOf(home), '0.11.21', 'uv');
  const env = { ...plain, UV_NO_CONFIG: '1', UV_OFFLINE: '1', UV_CACHE_DIR: join(scratch, 'cache') };
  await outputOf(uv, ['venv', '--python', PYTHON, join(scratch, 'env')], env);
  const python = join(scratch, 'env', 'bin', 'python');
  await outputOf(uv, ['pip', 'install', '--python', python, '--require-hashes', '-r', requirementsPath], env);
}

/** The file that somebody who wants the same would write: our own, with the stored wheels as find-links. */
async function writeRequirements(home: string, features: KtxRuntimeFeature[]): Promise<string> {
  const assetDir = join(PACKAGE_ROOT, 'assets', 'python');
  const [asset, locked] = await Promise.all([verifyRuntimeAsset({ assetDir }), readLockedAsset(assetDir)]);
  const store = join(sharedFolderOf(home), 'store');
  const folders = (await readdir(store)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const path = join(home, 'requirements.txt');
  const text = generateRequirements({
    lockedRequirements: await locked!.readRequirements(features),
    artefactPaths: folders.map((name) => join(store, name, 'x')),
    distribution: asset.manifest.distributionName,
    extras: features.filter((feature) => feature !== 'core'),
    wheelPath: asset.wheelPath,
    wheelSha256: asset.manifest.wheel.sha256,
  });
  await writeFile(path, text);
  return path;
}

/** uv, the store and the models; neither locks nor lists. */
async function downloadsOf(home: string): Promise<string[]> {
  const shared = sharedFolderOf(home);
  const names = (await readdir(shared)).filter((name) => /^(?:\d.*|store|models)$/.test(name));
  return names.map((name) => join(shared, name));
}

function sharedFolderOf(home: string): string {
  return join(home, '.ktx', 'runtime', 'uv');
}
