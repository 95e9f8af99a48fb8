import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { proveEnvironment } from '../../src/proof/prove.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { type BenchRow, compare } from './bench-row.ts';
import { PYTHON } from './by-hand.ts';
import { outputOf } from './command-output.ts';
import { timeTyped } from './timed-commands.ts';

/**
 * The proof of a core environment against the same daemon by hand until it answers: both with nothing compiled yet, and
 * both with the byte code that a setup has compiled ahead. As in a setup, the daemon's end is not waited for.
 */
export async function proofBench(): Promise<BenchRow[]> {
  const home = await mkdtemp(join(tmpdir(), 'ktx-bench-'));
  try {
    const env = plainEnvironment(home);
    await outputOf(
      process.execPath,
      [LAUNCHER, 'setup', '--yes', '--no-input', '--json', '--python', PYTHON],
      env,
    );
    const versionDir = join(home, '.ktx', 'runtime', '0.1.0');
    const { python } = JSON.parse(readFileSync(join(versionDir, 'manifest.json'), 'utf8')) as {
      python: { executable: string; daemonExecutable: string };
    };
    const environmentDir = join(python.executable, '..', '..');
    let ending = Promise.resolve();
    const prove = () =>
      proveEnvironment({
        onEnding: (ended) => {
          ending = ended;
        },
        environmentDir,
        pythonPath: python.executable,
        daemonPath: python.daemonExecutable,
        cliVersion: '0.1.0',
        env,
      });
    const byHand = (asked: { analyse?: boolean }) =>
      timeTyped({ commands: [], daemonPath: python.daemonExecutable, env, ...asked });
    const rounds = Number(process.env['KTX_BENCH_ROUNDS'] ?? 7);
    const before = async () => {
      await ending;
      removeCompiled(environmentDir);
    };
    return [
      await compare({
        name: 'proof of a new core environment',
        yardstick: 'ktx-daemon by hand to /health, in the same environment',
        limit: 1.3,
        rounds,
        run: prove,
        runYardstick: () => byHand({}),
        before,
      }),
      await compare({
        name: 'the same proof',
        yardstick: 'ktx-daemon by hand to /health and an analysed statement',
        limit: 1.3,
        rounds,
        run: prove,
        runYardstick: () => byHand({ analyse: true }),
        before,
      }),
      await compare({
        name: 'the proof with byte code compiled ahead',
        yardstick: 'ktx-daemon by hand to /health, with the same byte code',
        limit: 1.3,
        rounds,
        run: prove,
        runYardstick: () => byHand({}),
        before: () => ending,
      }),
    ];
  } finally {
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }
}

function removeCompiled(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    if (entry.name === '__pycache__') rmSync(path, { recursive: true });
    else removeCompiled(path);
  }
}
