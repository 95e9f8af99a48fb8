import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { type BenchRow, compare } from './bench-row.ts';

const ROUNDS = 15;

/** Commands that people and other programs wait for, against an empty Node. */
export async function startUpBench(): Promise<BenchRow[]> {
  const home = mkdtempSync(join(tmpdir(), 'ktx-bench-'));
  const env = plainEnvironment(home);
  const node = (args: string[]) => () => runToEnd(args, env);
  const emptyNode = { yardstick: 'node -e 0', runYardstick: node(['-e', '0']), rounds: ROUNDS };
  try {
    return [
      await compare({ name: 'ktx --version', limit: 1.8, run: node([LAUNCHER, '--version']), ...emptyNode }),
      await compare({
        name: 'ktx admin runtime status --json',
        limit: 2.5,
        run: node([LAUNCHER, 'admin', 'runtime', 'status', '--json']),
        ...emptyNode,
      }),
    ];
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function runToEnd(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
}
