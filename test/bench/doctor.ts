import { execFile, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DoctorReport } from '../../src/doctor/report-schema.ts';
import { readRecords } from '../../src/python/record-files.ts';
import { openZoo, type ZooWorld } from '../faults/zoo.ts';
import { LAUNCHER } from '../fixtures/program.ts';
import { type BenchRow, compare } from './bench-row.ts';

const run = promisify(execFile);
const ROUNDS = 15;
const NODE_STARTS = 8;
const MAX_MS = 2000;

/** What looking costs: a whole run by default, and hashing every file of the environment. */
export async function doctorBench(): Promise<BenchRow[]> {
  const world = await openZoo('core');
  try {
    const python = join(world.paths.env, 'bin', 'python');
    const options = { env: world.env, cwd: join(world.home, 'project') };
    const timed = async (file: string, args: readonly string[]) => {
      const startedAt = performance.now();
      await run(file, args, { ...options, maxBuffer: 64 << 20 });
      return performance.now() - startedAt;
    };
    const doctor = () => timed(process.execPath, [LAUNCHER, 'doctor']);
    const byNode = await compare({
      name: 'ktx doctor',
      yardstick: `${NODE_STARTS} x node -e 0, and the interpreter's own start`,
      limit: 1,
      rounds: ROUNDS,
      run: doctor,
      runYardstick: async () =>
        NODE_STARTS * (await timed(process.execPath, ['-e', '0'])) + (await timed(python, ['-c', 'pass'])),
    });
    const bySeconds = await compare({
      name: 'ktx doctor',
      yardstick: '2 s',
      limit: 1,
      rounds: ROUNDS,
      run: doctor,
      runYardstick: async () => MAX_MS,
    });
    return [byNode, bySeconds, await digestRow(world, timed, options)];
  } finally {
    await world.remove();
  }
}

async function digestRow(
  world: ZooWorld,
  timed: (file: string, args: readonly string[]) => Promise<number>,
  options: { env: NodeJS.ProcessEnv; cwd: string },
): Promise<BenchRow> {
  const { files } = await readRecords(world.paths.sitePackages);
  const list = join(world.home, 'files.txt');
  await writeFile(list, files.map(({ path }) => join(world.paths.sitePackages, path)).join('\0'));
  const args = [LAUNCHER, 'doctor', '--check', 'digests', '--json'];
  return compare({
    name: `deep verification of ${files.length} files`,
    yardstick: 'sha256sum over the same files',
    limit: 1,
    rounds: ROUNDS,
    run: async () => {
      const { stdout, stderr } = spawnSync(process.execPath, args, { ...options, encoding: 'utf8' });
      const found = (JSON.parse(stdout) as DoctorReport).checks.find(({ id }) => id === 'digests');
      if (found?.status !== 'pass') throw new Error(`digests: ${found?.detail} ${stderr}`);
      return found.durationMs;
    },
    runYardstick: () => timed('xargs', ['-0', '-a', list, 'sha256sum', '--']),
  });
}
