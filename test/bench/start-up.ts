import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { openTerminal } from '../pty/terminal.ts';
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
      await compare({
        name: 'first prompt of the wizard',
        limit: 5.5,
        run: () => firstPrompt(env),
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

/** From the start of the process to the first prompt on the screen of a pseudo-terminal. */
async function firstPrompt(env: NodeJS.ProcessEnv): Promise<number> {
  const startedAt = performance.now();
  const terminal = openTerminal({ command: process.execPath, args: [LAUNCHER, 'setup'], env });
  await terminal.until('What should ktx be able to do');
  const durationMs = performance.now() - startedAt;
  terminal.send('q');
  await terminal.exited;
  terminal.close();
  return durationMs;
}
