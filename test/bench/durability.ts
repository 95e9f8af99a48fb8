import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { type BenchRow, compare } from './bench-row.ts';
import { outputOf } from './command-output.ts';

const ROUNDS = 7;
const PYTHON = '/usr/bin/python3';

/**
 * What it costs that all is on the disk before it is called ready: a core install from a full store, as it is and with a `sync`
 * that does nothing in its place.
 */
export async function durabilityBench(): Promise<BenchRow[]> {
  const bench = await mkdtemp(join(tmpdir(), 'ktx-bench-'));
  const fake = join(bench, 'bin');
  try {
    await mkdir(fake);
    await writeFile(join(fake, 'sync'), '#!/bin/sh\nexit 0\n');
    await chmod(join(fake, 'sync'), 0o755);
    const home = join(bench, 'home');
    const plain: NodeJS.ProcessEnv = {
      ...plainEnvironment(home),
      NODE_COMPILE_CACHE: join(bench, 'compile-cache'),
    };
    const args = [LAUNCHER, 'setup', '--yes', '--no-input', '--json', '--force', '--python', PYTHON];
    const install = (env: NodeJS.ProcessEnv) => outputOf(process.execPath, args, env);
    await install(plain);
    return [
      await compare({
        name: 'core install from a full store, durable',
        yardstick: 'the same without the sync',
        limit: null,
        rounds: ROUNDS,
        run: () => install(plain),
        runYardstick: () => install({ ...plain, PATH: `${fake}:${plain['PATH']}` }),
        before: () => outputOf('sync', ['-f', PACKAGE_ROOT], process.env),
      }),
    ];
  } finally {
    await rm(bench, { recursive: true, force: true, maxRetries: 3 });
  }
}
