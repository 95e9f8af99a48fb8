// `npm run bench:embeddings install`: local embeddings by the program beside sentence-transformers on torch's CPU build, both
// installed anew, in one run. torch comes from the package index as everything does; where its CPU build is not there,
// KTX_BENCH_FIND_LINKS (or PIP_FIND_LINKS) names the folder that has it, and KTX_BENCH_PYTHON an interpreter that it
// fits. Linux: memory is read from /proc.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { SetupResult } from '../../../src/core/events.ts';
import { managedRuntimeRoot } from '../../../src/core/layout.ts';
import { embeddingsModelDir } from '../../../src/core/model-folder-path.ts';
import { largestDifference } from '../../../src/daemon/http/embedding.ts';
import { formatBytes, formatDuration } from '../../../src/support/text/format.ts';
import { managedUvPath } from '../../../src/uv/acquire.ts';
import { startCountingProxy } from '../../fixtures/counting-proxy.ts';
import { bytesIn } from '../../fixtures/folder-size.ts';
import { LAUNCHER, plainEnvironment } from '../../fixtures/program.ts';
import { medianOf } from '../bench-row.ts';
import { fetchUv } from '../cold-install.ts';
import { type Engine, startOurs, startTheirs } from './engines.ts';
import { FIND_LINKS, PYTHON, torchWheelIn } from './peers.ts';
import { sampleTexts } from './sample-texts.ts';

const run = promisify(execFile);
const START_ROUNDS = 5;
const BULK_ROUNDS = 3;
const MAX_DIFFERENCE = 1e-5;

/** What one of the two costs to have. */
interface Installation {
  receivedBytes: number;
  diskBytes: number;
  durationMs: number;
}

/** A figure of each; `atLeast` is what the ratio (theirs by ours) has to reach. */
interface Row {
  name: string;
  ours: number;
  theirs: number;
  text: (value: number) => string;
  atLeast: number | null;
}

const scratch = mkdtempSync(join(tmpdir(), 'ktx-bench-'));
try {
  const rows = await compareEngines();
  for (const { name, ours, theirs, text, atLeast } of rows) {
    const ratio = theirs / ours;
    const verdict = atLeast === null ? '' : `  at least ${atLeast}${ratio < atLeast ? '  SHORT' : ''}`;
    console.log(
      `${ratio.toFixed(2).padStart(6)} x  ${name.padEnd(48)} ${text(ours)} / ${text(theirs)}${verdict}`,
    );
    if (atLeast !== null && ratio < atLeast) process.exitCode = 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function compareEngines(): Promise<Row[]> {
  const uvPath = await fetchUv(join(scratch, 'uv'));
  const home = join(scratch, 'ours');
  const env = plainEnvironment(home);
  const modelDir = embeddingsModelDir(managedRuntimeRoot({ env, homeDir: home }));
  const { installation: ours, result } = await installOurs(home, env, uvPath);
  const modelBytes = bytesIn(modelDir);
  const theirEnvironment = join(scratch, 'theirs');
  const theirs = await installTheirs(theirEnvironment, uvPath);

  const startingOurs = () => startOurs(result.daemonPath, { ...env, KTX_EMBEDDINGS_MODEL_DIR: modelDir });
  const startingTheirs = () =>
    startTheirs(join(theirEnvironment, 'bin', 'python'), [
      join(import.meta.dirname, 'sentence_transformers_yardstick.py'),
      modelDir,
    ]);
  const first = await measureStarts(startingOurs, startingTheirs);
  const bulk = await measureBulks(await startingOurs(), await startingTheirs());

  // They fetch the same model from the hub, where it is not compressed; here both read one folder.
  const row = (
    name: string,
    of: { ours: number; theirs: number },
    text: Row['text'],
    atLeast: Row['atLeast'],
  ): Row => ({
    name,
    ...of,
    text,
    atLeast,
  });
  const packageBytes = { ours: ours.receivedBytes, theirs: theirs.receivedBytes + modelBytes };
  const diskBytes = { ours: ours.diskBytes, theirs: theirs.diskBytes + modelBytes };
  return [
    row('bytes downloaded, model included', packageBytes, formatBytes, 2.5),
    row('bytes on disk, model included', diskBytes, formatBytes, 3),
    row('time to install', { ours: ours.durationMs, theirs: theirs.durationMs }, formatDuration, null),
    row('process start to first vector', first, formatDuration, 8),
    row('100 texts', bulk.hundred, formatDuration, 1.5),
    row('1,000 texts', bulk.thousand, formatDuration, 1.5),
    row('memory at most', bulk.peakBytes, formatBytes, null),
  ];
}

/** A cold `ktx setup`, uv beforehand on the disk as for the other. */
async function installOurs(
  home: string,
  env: NodeJS.ProcessEnv,
  uvPath: string,
): Promise<{ installation: Installation; result: SetupResult }> {
  const place = managedUvPath({ homeDir: home, env: {} });
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(uvPath, place);
  const uvBytes = bytesIn(home);
  const args = [
    'setup',
    '--yes',
    '--no-input',
    '--json',
    '--feature',
    'local-embeddings',
    '--python',
    PYTHON,
  ];
  const { stdout, ...cost } = await counted((proxy) =>
    run(process.execPath, [LAUNCHER, ...args], { env: { ...env, ...proxy }, maxBuffer: 2 ** 26 }),
  );
  const last = JSON.parse(stdout.trim().split('\n').at(-1)!);
  if (last.type !== 'done') throw new Error(`the install failed: ${stdout.slice(-2000)}`);
  return { installation: { ...cost, diskBytes: bytesIn(home) - uvBytes }, result: last.result };
}

/** What one types by hand to have sentence-transformers. Its cache, which may go, is not counted. */
async function installTheirs(environment: string, uvPath: string): Promise<Installation> {
  const cacheDir = join(scratch, 'cache');
  const torch = FIND_LINKS === null ? null : torchWheelIn(FIND_LINKS);
  const env = { ...process.env, UV_NO_CONFIG: '1', UV_CACHE_DIR: cacheDir };
  const packages = torch
    ? ['--find-links', FIND_LINKS!, `torch==${torch.version}`, 'sentence-transformers']
    : ['--torch-backend', 'cpu', 'sentence-transformers'];
  const { stdout: _, ...cost } = await counted(async (proxy) => {
    await run(uvPath, ['venv', '--python', PYTHON, environment], { env });
    const interpreter = join(environment, 'bin', 'python');
    return run(uvPath, ['pip', 'install', '--python', interpreter, ...packages], {
      env: { ...env, ...proxy },
    });
  });
  const diskBytes = bytesIn(environment);
  rmSync(cacheDir, { recursive: true, force: true });
  return {
    ...cost,
    // A wheel in a folder did not come over the proxy, and would have come over the network elsewhere.
    receivedBytes: cost.receivedBytes + (torch?.sizeBytes ?? 0),
    diskBytes,
  };
}

/** Runs it behind a proxy that counts what comes. */
async function counted<Result extends { stdout: string }>(
  install: (proxy: NodeJS.ProcessEnv) => Promise<Result>,
): Promise<{ stdout: string; receivedBytes: number; durationMs: number }> {
  const proxy = await startCountingProxy();
  try {
    const startedAt = performance.now();
    const { stdout } = await install({ HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url });
    return { stdout, receivedBytes: proxy.receivedBytes(), durationMs: performance.now() - startedAt };
  } finally {
    await proxy.close();
  }
}

/** One start of each is not counted: it reads everything from the disk. */
async function measureStarts(startingOurs: () => Promise<Engine>, startingTheirs: () => Promise<Engine>) {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= START_ROUNDS; round++) {
    for (const [start, times] of [
      [startingOurs, ours],
      [startingTheirs, theirs],
    ] as const) {
      const engine = await start();
      if (round > 0) times.push(engine.firstVectorMs);
      await engine.stop();
    }
  }
  return { ours: medianOf(ours), theirs: medianOf(theirs) };
}

async function measureBulks(ours: Engine, theirs: Engine) {
  try {
    const hundred = await measureBulk(ours, theirs, sampleTexts(100));
    const thousand = await measureBulk(ours, theirs, sampleTexts(1000));
    const peakBytes = { ours: await ours.peakBytes(), theirs: await theirs.peakBytes() };
    return { hundred, thousand, peakBytes };
  } finally {
    await Promise.all([ours.stop(), theirs.stop()]);
  }
}

async function measureBulk(ours: Engine, theirs: Engine, texts: readonly string[]) {
  const ourTimes: number[] = [];
  const theirTimes: number[] = [];
  for (let round = 0; round <= BULK_ROUNDS; round++) {
    const our = await ours.embed(texts);
    const their = await theirs.embed(texts);
    const difference = Math.max(
      ...our.vectors.map((vector, index) => largestDifference(vector, their.vectors[index]!)),
    );
    if (!(difference <= MAX_DIFFERENCE)) throw new Error(`the vectors differ by ${difference}`);
    if (round === 0) continue;
    ourTimes.push(our.durationMs);
    theirTimes.push(their.durationMs);
  }
  return { ours: medianOf(ourTimes), theirs: medianOf(theirTimes) };
}
