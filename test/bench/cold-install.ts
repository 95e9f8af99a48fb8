import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openNetworkSession } from '../../src/setup/session/network-session.ts';
import { detectHost } from '../../src/shipped/target.ts';
import { openStore } from '../../src/store/store.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { managedUvPath } from '../../src/uv/acquire.ts';
import { installUvFrom, uvPinsFor } from '../../src/uv/binary.ts';
import { fetchArtefacts } from '../fixtures/fetch-artefacts.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { type BenchRow, compare } from './bench-row.ts';
import { outputOf } from './command-output.ts';
import { timeWithoutProof } from './without-proof.ts';

const ROUNDS = 7;
const WHEEL = join(PACKAGE_ROOT, 'assets', 'python', 'kaelio_ktx-0.1.0-py3-none-any.whl');
const PYTHON = '/usr/bin/python3';

/**
 * A cold core install by the program against the same two uv commands typed by hand, online, both with the machine's
 * package index, an empty cache, and uv on the disk. The proof, which nobody does by hand, is subtracted.
 */
export async function coldInstallBench(): Promise<BenchRow[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'ktx-bench-'));
  const uvPath = await fetchUv(join(scratch, 'uv-source'));
  let round = 0;
  try {
    return [
      await compare({
        name: 'cold core install, the proof aside',
        yardstick: 'uv venv + uv pip install by hand, online',
        limit: 1.1,
        rounds: ROUNDS,
        run: () => ourInstall(join(scratch, `ours-${round++}`), uvPath),
        runYardstick: () => handInstall(join(scratch, `hand-${round++}`), uvPath),
        before: () => outputOf('sync', [], process.env),
      }),
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function ourInstall(home: string, uvPath: string): Promise<number> {
  const place = managedUvPath({ homeDir: home, env: {} });
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(uvPath, place);
  const args = [LAUNCHER, 'setup', '--yes', '--no-input', '--json', '--python', PYTHON];
  return timeWithoutProof(() => outputOf(process.execPath, args, plainEnvironment(home)));
}

async function handInstall(scratch: string, uvPath: string): Promise<void> {
  mkdirSync(scratch);
  const env = { ...process.env, UV_NO_CONFIG: '1', UV_CACHE_DIR: join(scratch, 'cache') };
  await outputOf(uvPath, ['venv', '--python', PYTHON, join(scratch, 'env')], env);
  await outputOf(uvPath, ['pip', 'install', '--python', join(scratch, 'env', 'bin', 'python'), WHEEL], env);
}

/** The pinned uv, from the machine's own package index. @returns its path in that folder. */
export async function fetchUv(folder: string): Promise<string> {
  const store = openStore(join(folder, 'store'));
  const { wheel } = uvPinsFor(await detectHost())!;
  const session = await openNetworkSession({ env: process.env, homeDir: homedir(), lock: null });
  await fetchArtefacts({ ...session, artefacts: [wheel], store, emit: () => {} });
  await session.close();
  await installUvFrom(store, wheel, join(folder, 'uv'));
  return join(folder, 'uv');
}
