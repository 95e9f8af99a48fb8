import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SetupEvent } from '../../src/core/events.ts';
import type { KtxRuntimeFeature } from '../../src/core/features.ts';
import { runnableCount } from '../../src/wizard/progress/runnable-count.ts';
import { startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { LAUNCHER, plainEnvironment } from '../fixtures/program.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { eventsOf, honestyOf, type LoadSample, type Recording, readRecordings } from './honesty.ts';

/**
 * How true the time left is that the install screen shows: real installs at three link speeds, every other one with local embeddings,
 * whose events go through the wizard's own progress with the clock of the screen. `--only <bytes/s>` for one speed, `--rounds <n>` for
 * fewer installs of each, `--keep <folder>` keeps the events and goes on from those kept there, `--seconds <n>`
 * begins no install later than that, `--replay <folder>` looks at kept ones again.
 */
const SPEEDS = [1_500_000, 4_000_000, 12_000_000];
const ROUNDS = 10;
const FEATURES: readonly KtxRuntimeFeature[] = ['core', 'local-embeddings'];
const LOAD_SAMPLE_MS = 500;
const CHUNK_BYTES = 64 * 1024;

async function main(): Promise<void> {
  const option = (name: string) => {
    const at = process.argv.indexOf(name);
    return at === -1 ? undefined : process.argv[at + 1];
  };
  const replayed = option('--replay');
  const kept = option('--keep');
  const speeds = option('--only') ? [Number(option('--only'))] : SPEEDS;
  const rounds = Number(option('--rounds') ?? ROUNDS);
  const seconds = Number(option('--seconds') ?? Number.POSITIVE_INFINITY);
  const recordings =
    replayed === undefined ? await record({ speeds, rounds, seconds, kept }) : readRecordings(replayed);
  let samples = 0;
  let within = 0;
  let strictly = 0;
  let shown = 0;
  let hasGoneBack = false;
  for (const [speed, runs] of recordings) {
    const results = runs.map(honestyOf);
    const all = sum(results.map((it) => it.samples));
    const good = sum(results.map((it) => it.within));
    samples += all;
    within += good;
    strictly += sum(results.map((it) => it.strictly));
    shown += sum(results.map((it) => it.shown));
    hasGoneBack ||= results.some((it) => it.hasGoneBack);
    const totals = results.map(
      (it) =>
        `${(it.totalMs / 1000).toFixed(1)} s ${Math.round((100 * it.within) / Math.max(1, it.samples))}%`,
    );
    console.log(
      `${(speed / 1e6).toFixed(1)} MB/s: ${percent(good, all)} of the time within 30 %, ${runs.length} installs (${totals.join(', ')})`,
    );
    if (process.argv.includes('--steps')) for (const result of results) console.log('  ', result.steps);
  }
  const share = within / samples;
  console.log(
    `all: ${percent(within, samples)} within 30 %, at least 80 %${share < 0.8 ? '  UNDER' : ''}; the bar ${hasGoneBack ? 'WENT BACK' : 'never went back'}`,
  );
  console.log(
    `a time was shown for ${percent(shown, samples)} of the time after 2 s; without the half second that rounding takes: ${percent(strictly, samples)}`,
  );
  if (share < 0.8 || hasGoneBack) process.exitCode = 1;
}

interface Wanted {
  speeds: readonly number[];
  rounds: number;
  seconds: number;
  kept: string | undefined;
}

async function record({ speeds, rounds, seconds, kept }: Wanted): Promise<Map<number, Recording[]>> {
  const files = await openWheelhouse(FEATURES);
  const recordings = new Map<number, Recording[]>();
  for (const speed of speeds) {
    const link = throttledLink(speed);
    const index = await startLoopbackIndex(files, (request, response) => {
      const file = files.find(({ file: name }) => request.url?.endsWith(`/files/${name}`));
      if (!file || request.method !== 'GET') return false;
      link.send(readFileSync(file.path), response);
      return true;
    });
    for (let round = 0; round < rounds; round++) {
      const path = kept === undefined ? null : join(kept, `${speed}-${round}.jsonl`);
      if ((path !== null && existsSync(path)) || performance.now() > seconds * 1000) continue;
      const samples: LoadSample[] = [];
      const sample = () => samples.push({ at: new Date().toISOString(), runnable: runnableCount() });
      sample();
      const clock = setInterval(sample, LOAD_SAMPLE_MS);
      const events = await install(index.url, FEATURES[round % FEATURES.length]!).finally(() =>
        clearInterval(clock),
      );
      const processors = availableParallelism();
      const recording = { load: loadavg()[0] ?? 0, samples, processors, events };
      recordings.set(speed, [...(recordings.get(speed) ?? []), recording]);
      if (path !== null) keepRecording(path, recording);
    }
    await index.close();
  }
  return kept === undefined ? recordings : readRecordings(kept);
}

/** One line of a speed for all transfers together. */
function throttledLink(bytesPerSecond: number) {
  let freeAt = 0;
  return {
    async send(bytes: Buffer, response: ServerResponse): Promise<void> {
      response.writeHead(200, { 'content-length': bytes.length });
      for (let start = 0; start < bytes.length && !response.destroyed; start += CHUNK_BYTES) {
        const chunk = bytes.subarray(start, start + CHUNK_BYTES);
        freeAt = Math.max(freeAt, performance.now()) + (chunk.length / bytesPerSecond) * 1000;
        await new Promise((resolve) => setTimeout(resolve, freeAt - performance.now()));
        response.write(chunk);
      }
      response.end();
    },
  };
}

function install(indexUrl: string, feature: KtxRuntimeFeature): Promise<SetupEvent[]> {
  const home = mkdtempSync(join(tmpdir(), 'ktx-honesty-'));
  const args = [
    LAUNCHER,
    'setup',
    '--yes',
    '--no-input',
    '--json',
    '--python',
    'system',
    '--feature',
    feature,
  ];
  const env = plainEnvironment(home, { PIP_INDEX_URL: indexUrl });
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, cwd: home, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('close', (code) => {
      rmSync(home, { recursive: true, force: true });
      if (code !== 0) reject(new Error(`ktx setup ended with ${code}\n${output.slice(-2000)}`));
      else resolve(eventsOf(output));
    });
  });
}

/** At once: what was measured before somebody stops it stays. */
function keepRecording(path: string, { events, ...head }: Recording): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, [head, ...events].map((it) => JSON.stringify(it)).join('\n'));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;
}

await main();
