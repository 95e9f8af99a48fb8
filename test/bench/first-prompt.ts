import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { openTerminal } from '../pty/terminal.ts';
import { type BenchRow, medianOf } from './bench-row.ts';
import { installPrograms, type Peer } from './prompt-programs.ts';

const ROUNDS = 25;
const NODE = process.execPath;

interface Contender extends Peer {
  /** What the ratio to `node -e 0` must not pass; `null` for others' programs. */
  limit: number | null;
}

/**
 * From the start of the process to a first prompt, in interleaved rounds: ours beside the programs of others, all against `node -e 0`.
 * Where keys are given they are sent when the process starts, and the time ends when the screen shows what they did.
 */
export async function firstPromptBench(): Promise<BenchRow[]> {
  const home = mkdtempSync(join(tmpdir(), 'ktx-bench-'));
  const env = { ...plainEnvironment(home), TERM: 'xterm-256color' };
  try {
    const { peers, missing } = installPrograms(join(home, 'peers'));
    const ktx = { command: NODE, args: [LAUNCHER, 'setup'] };
    const contenders: Contender[] = [
      { name: 'ktx setup: first prompt', ...ktx, shows: /What should ktx be able to do/, limit: 1.3 },
      {
        name: 'ktx setup: arrow pressed at once',
        ...ktx,
        keys: '\u001b[B',
        shows: /› ◉ Core \+/,
        limit: 1.3,
      },
      {
        name: 'ktx setup: Enter pressed at once, second screen',
        ...ktx,
        keys: '\r',
        shows: /● Plan/,
        limit: 3,
      },
      ...peers.map((peer) => ({ ...peer, limit: null })),
    ];
    const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
    const yardstick: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const isCounted = round > 0;
      const empty = await timeOf(() => runToEnd(['-e', '0'], env));
      if (isCounted) yardstick.push(empty);
      for (const contender of contenders) {
        const took = await timeToPrompt(contender, env);
        if (isCounted) times.get(contender.name)!.push(took);
      }
    }
    for (const { name, why } of missing) console.log(`not measured: ${name}: ${why}`);
    const yardstickMedianMs = medianOf(yardstick);
    return contenders.map(({ name, limit }) => {
      const medianMs = medianOf(times.get(name)!);
      const ratio = medianMs / yardstickMedianMs;
      return { name, yardstick: 'node -e 0', ratio, limit, medianMs, yardstickMedianMs, rounds: ROUNDS };
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function timeOf(run: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

function runToEnd(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(NODE, args, { env, stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
}

async function timeToPrompt(
  { command, args, keys, shows, cwd }: Contender,
  env: Record<string, string | undefined>,
): Promise<number> {
  const startedAt = performance.now();
  const terminal = openTerminal({ command, args, env, ...(cwd && { cwd }) });
  if (keys) terminal.send(keys);
  await terminal.until(shows, 60_000);
  const durationMs = performance.now() - startedAt;
  terminal.kill('SIGKILL');
  await terminal.exited;
  terminal.close();
  return durationMs;
}
