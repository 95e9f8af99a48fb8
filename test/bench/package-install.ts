import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packPackage } from '../fixtures/packed-package.ts';
import { type BenchRow, compare } from './bench-row.ts';

const run = promisify(execFile);

/** What a person waits for before the first `ktx`: npm with an empty cache. The yardstick has no dependencies either. */
export async function packageInstallBench(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ktx-bench-'));
  const install = async (name: string) => {
    const prefix = await mkdtemp(join(folder, 'prefix-'));
    const flags = ['--prefix', prefix, '--cache', join(prefix, 'cache'), '--no-audit', '--no-fund'];
    await run('npm', ['install', '-g', ...flags, name]);
  };
  try {
    const tarball = await packPackage(folder);
    return [
      await compare({
        name: 'npm install -g of the packed tarball, empty cache',
        yardstick: 'npm install -g create-vite, empty cache',
        limit: 3,
        rounds: 5,
        run: () => install(tarball),
        runYardstick: () => install('create-vite'),
      }),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
