import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn as spawnPty } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { build } from 'esbuild';
import { startUp } from '../../scripts/start-up/plugin.mjs';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { type BenchRow, medianOf } from './bench-row.ts';
import { FLOOD_BYTES, FLOOD_CHILD, FLOOD_LINES, straightToFile } from './flood.ts';

const ROUNDS = Number(process.env['FLOOD_ROUNDS'] ?? 9);
const KEY_EVERY_MS = 60;
/** listr2 gets slower with every line it has printed: this long, once, and what it managed by then. */
const LISTR_LIMIT_MS = 30_000;
const LIMITS = { ratio: 2.2, medianKeyMs: 5, p99KeyMs: 25, memoryBytes: 150 * 1024 * 1024 };
const LAST_LINE = `the last of ${FLOOD_LINES} lines`;

/** A logger that keeps the last lines in memory and writes all of them to a file: what a screen cannot be quicker than. */
const RING_BUFFER = `
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
const [file, command, ...args] = process.argv.slice(2);
const out = createWriteStream(file);
const ring = []; let rest = '';
const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
child.stdout.setEncoding('utf8').on('data', (text) => {
  if (!out.write(text)) { child.stdout.pause(); out.once('drain', () => child.stdout.resume()); }
  const lines = (rest + text).split('\\n'); rest = lines.pop();
  for (const line of lines) ring.push(line);
  if (ring.length > 3000) ring.splice(0, ring.length - 2000);
});
child.on('close', () => out.end());
`;
/** The same child as a task of listr2, whose lines are the task's output, and a file beside it. */
const LISTR2 = `
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { Listr } from 'listr2';
const [file, command, ...args] = process.argv.slice(2);
await new Listr([{ title: 'Packages', rendererOptions: { outputBar: 16, persistentOutput: true }, task: (_, task) => new Promise((resolve) => {
  const out = createWriteStream(file);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.pipe(out, { end: false });
  child.stdout.pipe(task.stdout(), { end: false });
  child.on('close', () => out.end(resolve));
}) }]).run();
`;

/** 1,000,000 lines through the install screen on a pseudo-terminal, keys pressed meanwhile, beside others that do it with less. */
export async function floodScreenBench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ktx-flood-'));
  try {
    const program = await bundleProgram(folder);
    writeFileSync(join(folder, 'ring.mjs'), RING_BUFFER);
    const ours: number[] = [];
    const yardstick: number[] = [];
    const ring: number[] = [];
    const keyTimes: number[] = [];
    let maxRssBytes = 0;
    for (let round = 0; round < ROUNDS; round++) {
      yardstick.push(await timeOf(() => straightToFile(FLOOD_CHILD, join(folder, 'yardstick.log'))));
      const result = await throughScreen(program, folder);
      ours.push(result.ms);
      keyTimes.push(...result.keyTimes);
      maxRssBytes = Math.max(maxRssBytes, result.maxRssBytes);
      ring.push(await timeOf(() => onTerminal('ring.mjs', folder)));
      console.log(
        `round ${round + 1}: yardstick ${yardstick.at(-1)!.toFixed(0)} ms, screen ${result.ms.toFixed(0)} ms (${result.cpuMs.toFixed(0)} ms of processor), ring buffer ${ring.at(-1)!.toFixed(0)} ms, ${(result.maxRssBytes / 1024 / 1024).toFixed(0)} MiB`,
      );
    }
    keyTimes.sort((a, b) => a - b);
    const medianKeyMs = medianOf(keyTimes);
    const p99KeyMs = keyTimes[Math.floor(keyTimes.length * 0.99)]!;
    const isOver =
      medianKeyMs > LIMITS.medianKeyMs || p99KeyMs > LIMITS.p99KeyMs || maxRssBytes > LIMITS.memoryBytes;
    console.log(
      `keys during the flood: median ${medianKeyMs.toFixed(1)} ms (at most ${LIMITS.medianKeyMs}), p99 ${p99KeyMs.toFixed(1)} ms (at most ${LIMITS.p99KeyMs}), ${keyTimes.length} keys; memory ${(maxRssBytes / 1024 / 1024).toFixed(0)} MiB (at most 150)${isOver ? '  OVER' : ''}`,
    );
    if (isOver) process.exitCode = 1;
    console.log(
      installListr(folder) ? await listrLine(folder) : 'not measured: listr2 cannot be installed here',
    );
    const base = medianOf(yardstick);
    const row = (name: string, times: readonly number[], limit: number | null): BenchRow => ({
      name,
      yardstick: 'the same child writing to a file itself',
      ratio: medianOf(times) / base,
      limit,
      medianMs: medianOf(times),
      yardstickMedianMs: base,
      rounds: ROUNDS,
    });
    return [
      row('1,000,000 lines through the install screen', ours, LIMITS.ratio),
      row('a ring buffer and a file, no screen', ring, null),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bundleProgram(folder: string): Promise<string> {
  const outfile = join(folder, 'program.mjs');
  await build({
    absWorkingDir: PACKAGE_ROOT,
    entryPoints: ['test/bench/flood-program.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: { 'react-devtools-core': join(PACKAGE_ROOT, 'scripts/start-up/empty-module.mjs') },
    banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
    // As the program is built: without it, to measure text takes a sixth of the time.
    plugins: [startUp],
    logLevel: 'warning',
  });
  return outfile;
}

function installListr(folder: string): boolean {
  const own = join(folder, 'listr');
  mkdirSync(own);
  writeFileSync(join(own, 'package.json'), '{"private":true,"type":"module"}');
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', 'listr2'];
  if (spawnSync('npm', args, { cwd: own }).status !== 0) return false;
  writeFileSync(join(own, 'listr2.mjs'), LISTR2);
  return true;
}

async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

/** Set to a folder, the program on the terminal writes what it spent its time on there: for the profile viewer of a browser. */
const PROFILE_FOLDER = process.env['FLOOD_PROFILE'];
const ENV = {
  ...process.env,
  TERM: 'xterm-256color',
  CI: undefined,
  NO_COLOR: undefined,
} as NodeJS.ProcessEnv;

async function listrLine(folder: string): Promise<string> {
  const startedAt = performance.now();
  const bytes = await onTerminal(join('listr', 'listr2.mjs'), folder, LISTR_LIMIT_MS);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const lines = Math.floor((bytes / FLOOD_BYTES) * FLOOD_LINES);
  return `listr2, one task and a file: ${lines} of ${FLOOD_LINES} lines in ${seconds} s`;
}

/**
 * A program of others on a terminal of the same size, ended when it takes too long.
 * @returns the bytes that it wrote to its file.
 */
async function onTerminal(script: string, folder: string, limitMs?: number): Promise<number> {
  const file = join(folder, 'peer.log');
  const path = join(folder, script);
  const pty = spawnPty(process.execPath, [path, file, FLOOD_CHILD.command, ...FLOOD_CHILD.args], {
    cols: 80,
    rows: 24,
    env: ENV as Record<string, string>,
  });
  pty.onData(() => {});
  const timer = limitMs === undefined ? undefined : setTimeout(() => pty.kill('SIGKILL'), limitMs);
  await new Promise<void>((resolve) => pty.onExit(() => resolve()));
  clearTimeout(timer);
  const { size } = statSync(file);
  if (limitMs === undefined && size !== FLOOD_BYTES) throw new Error(`${script} has not written every line.`);
  return size;
}

async function throughScreen(program: string, folder: string) {
  const log = join(folder, 'install.log');
  const resultPath = join(folder, 'result.json');
  rmSync(resultPath, { force: true });
  const [command, args] = withLastLine();
  const pty = spawnPty(
    process.execPath,
    [...(PROFILE_FOLDER ? ['--cpu-prof', '--cpu-prof-dir', PROFILE_FOLDER] : []), program],
    {
      cols: 80,
      rows: 24,
      env: {
        ...(ENV as Record<string, string>),
        FLOOD_COMMAND: command,
        FLOOD_ARGS: JSON.stringify(args),
        FLOOD_LOG: log,
        FLOOD_RESULT: resultPath,
      },
    },
  );
  const screen = new xterm.Terminal({ cols: 80, rows: 24, allowProposedApi: true });
  let output = '';
  const waiting = new Set<() => void>();
  pty.onData((data) => {
    output += data;
    const lookAgain = () => {
      for (const look of [...waiting]) look();
    };
    // The emulator draws later: the last frame is looked at once it is there.
    screen.write(data, lookAgain);
    lookAgain();
  });
  const until = (isThere: () => boolean, limitMs = 60_000) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The screen does not answer:\n${output.slice(-2000)}`)),
        limitMs,
      );
      const look = () => {
        if (!isThere()) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  await until(() => output.includes('enter') && output.includes('continue'));
  pty.write('\r');
  await until(() => output.includes('Install'));
  await until(() => output.includes('confirm'));
  pty.write('\r');
  await until(() => output.includes('full log'));
  const keyTimes: number[] = [];
  const isOver = () => {
    try {
      return statSync(resultPath).size > 0;
    } catch {
      return false;
    }
  };
  while (!isOver()) {
    const wanted = keyTimes.length % 2 === 0 ? 'smaller log' : 'full log';
    output = '';
    const sentAt = performance.now();
    pty.write('f');
    await until(() => output.includes(wanted));
    keyTimes.push(performance.now() - sentAt);
    await new Promise((resolve) => setTimeout(resolve, KEY_EVERY_MS));
  }
  // The last line printed is the last line shown.
  const lines = () =>
    Array.from({ length: 24 }, (_, row) => screen.buffer.active.getLine(row)?.translateToString(true) ?? '');
  await until(() => lines().some((line) => line.includes(LAST_LINE)));
  pty.write('\u0003\u0003');
  await new Promise<void>((resolve) => pty.onExit(() => resolve()));
  screen.dispose();
  const { ms, cpuMs, maxRssBytes } = JSON.parse(readFileSync(resultPath, 'utf8')) as {
    ms: number;
    cpuMs: number;
    maxRssBytes: number;
  };
  const text = readFileSync(log, 'utf8');
  if (text.length !== FLOOD_BYTES + LAST_LINE.length + 1) throw new Error('The install log is not complete.');
  return { ms, cpuMs, maxRssBytes, keyTimes };
}

function withLastLine(): [string, string[]] {
  const { command, args } = FLOOD_CHILD;
  return ['sh', ['-c', `"$0" "$@"; echo '${LAST_LINE}'`, command, ...args]];
}
