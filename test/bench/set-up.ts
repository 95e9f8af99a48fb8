import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { KtxRuntimeFeature } from '../../src/core/features.ts';
import { managedUvPath } from '../../src/uv/acquire.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { type BenchRow, compare } from './bench-row.ts';
import { byHand, PYTHON } from './by-hand.ts';
import { fetchUv } from './cold-install.ts';
import { outputOf } from './command-output.ts';
import { timeTyped } from './timed-commands.ts';

const ROUNDS = Number(process.env['KTX_BENCH_ROUNDS'] ?? 7);

const CASES: readonly { name: string; feature: KtxRuntimeFeature; hasUv: boolean; limit: number }[] = [
  { name: 'cold core set-up to a proven runtime', feature: 'core', hasUv: false, limit: 1.0 },
  { name: 'the same, uv there already', feature: 'core', hasUv: true, limit: 1.1 },
  {
    name: 'core + local embeddings to the first vector',
    feature: 'local-embeddings',
    hasUv: false,
    limit: 1.0,
  },
];

/** From nothing to a runtime that has answered, against the same by hand with the machine's package index. */
export async function setUpBench(): Promise<BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'ktx-bench-'));
  try {
    const uvPath = await fetchUv(join(scratch, 'uv-source'));
    const rows: BenchRow[] = [];
    let round = 0;
    for (const { name, feature, hasUv, limit } of CASES) {
      rows.push(
        await compare({
          name,
          yardstick: `by hand: ${hasUv ? '' : 'pip install uv, '}uv venv, uv pip install, ktx-daemon to its first answer`,
          limit,
          rounds: feature === 'core' ? ROUNDS : Math.min(ROUNDS, 5),
          run: () => setUp(join(scratch, `ours-${round++}`), feature, hasUv ? uvPath : null),
          runYardstick: () => {
            const folder = join(scratch, `hand-${round++}`);
            mkdirSync(folder);
            const env = plainEnvironment(folder);
            return timeTyped(byHand(folder, feature, { env, ...(hasUv ? { uvPath } : {}) }));
          },
          before: () => outputOf('sync', [], process.env),
        }),
      );
    }
    return rows;
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function setUp(home: string, feature: KtxRuntimeFeature, uvPath: string | null): Promise<number> {
  mkdirSync(home);
  if (uvPath !== null) {
    const place = managedUvPath({ homeDir: home, env: {} });
    mkdirSync(dirname(place), { recursive: true });
    copyFileSync(uvPath, place);
  }
  const args = [LAUNCHER, 'setup', '--yes', '--no-input', '--json', '--python', PYTHON, '--feature', feature];
  const startedAt = performance.now();
  await outputOf(process.execPath, args, plainEnvironment(home));
  return performance.now() - startedAt;
}
