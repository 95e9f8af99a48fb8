// `npm run bench:embeddings` begins with this: what clients of one daemon do to each other, what damage and hostile
// clients do to it, and what it gives back when it is idle. Ratios are of one run. KTX_BENCH_DAEMON (a `ktx-daemon`) and
// KTX_EMBEDDINGS_MODEL_DIR name an installed one; otherwise one is installed first. KTX_BENCH_PARTS leaves parts out. Linux: memory is read from /proc.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { managedRuntimeRoot } from '../../src/core/layout.ts';
import { embeddingsModelDir } from '../../src/core/model-folder-path.ts';
import { allocateDaemonPort } from '../../src/daemon/http/port.ts';
import { installEmbeddings } from '../fixtures/embeddings-runtime.ts';

const SINGLES = Number(process.env['KTX_BENCH_SINGLES'] ?? 100);
const HOSTILE_SECONDS = Number(process.env['KTX_BENCH_HOSTILE_SECONDS'] ?? 60);
const PARTS = (process.env['KTX_BENCH_PARTS'] ?? 'turns,damages,idleness,hostility').split(',');
const LONG = Array(400).fill('revenue').join(' ');
const scratch = mkdtempSync(join(tmpdir(), 'ktx-turns-'));

interface Daemon {
  port: number;
  child: ChildProcess;
}

try {
  const { daemonPath, modelDir } = await installed();
  for (const part of [turns, damages, idleness, hostility]) {
    if (PARTS.includes(part.name)) await part(daemonPath, modelDir);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function say(name: string, figure: string, isMet: boolean): void {
  console.log(`${isMet ? '     ' : 'SHORT'} ${name.padEnd(60)} ${figure}`);
  if (!isMet) process.exitCode = 1;
}

async function installed(): Promise<{ daemonPath: string; modelDir: string }> {
  const daemonPath = process.env['KTX_BENCH_DAEMON'];
  const modelDir = process.env['KTX_EMBEDDINGS_MODEL_DIR'];
  if (daemonPath && modelDir) return { daemonPath, modelDir };
  const home = join(scratch, 'home');
  mkdirSync(home);
  const runtime = await installEmbeddings(home);
  const { result } = JSON.parse(runtime.setup.stdout.trim().split('\n').at(-1)!);
  return {
    daemonPath: result.daemonPath,
    modelDir: embeddingsModelDir(managedRuntimeRoot({ env: {}, homeDir: home })),
  };
}

async function start(daemonPath: string, env: NodeJS.ProcessEnv): Promise<Daemon> {
  const port = await allocateDaemonPort();
  const child = spawn(daemonPath, ['serve-http', '--port', String(port), '--log-level', 'critical'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  while (!(await fetch(`http://127.0.0.1:${port}/health`).catch(() => null))) await delay(20);
  return { port, child };
}

async function stop({ child }: Daemon): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

function post(port: number, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal,
  });
}

function p99(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1]!;
}

/** A question every 300 ms or so, as agents ask. */
async function singles(port: number): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < SINGLES; index++) {
    const startedAt = performance.now();
    const answer = await post(port, '/embeddings/compute', { text: `which region grew in month ${index}` });
    await answer.json();
    times.push(performance.now() - startedAt);
    await delay(300);
  }
  return times;
}

/** Bulks without an end: texts a second from the first whole one to the last. */
async function bulks(port: number, isOver: () => boolean): Promise<number> {
  const startedAt = performance.now();
  let count = 0;
  while (!isOver() || count === 0) {
    await (await post(port, '/embeddings/compute-bulk', { texts: Array(100).fill(LONG) })).json();
    count += 100;
  }
  return (count / (performance.now() - startedAt)) * 1000;
}

async function turns(daemonPath: string, modelDir: string): Promise<void> {
  const daemon = await start(daemonPath, { KTX_EMBEDDINGS_MODEL_DIR: modelDir });
  await post(daemon.port, '/embeddings/compute', { text: 'a' });
  const alone = p99(await singles(daemon.port));
  const bulkAlone = await bulks(daemon.port, () => true);
  let isOver = false;
  const running = bulks(daemon.port, () => isOver);
  const beside = p99(await singles(daemon.port));
  isOver = true;
  const bulkBeside = await running;
  await stop(daemon);
  const ratio = beside / alone;
  say(
    'single text p99 beside endless bulks of 100 x 400 words',
    `${beside.toFixed(0)} ms, alone ${alone.toFixed(0)} ms: ${ratio.toFixed(1)} x, at most 10`,
    ratio <= 10,
  );
  const share = bulkBeside / bulkAlone;
  say(
    'bulk throughput beside single texts',
    `${bulkBeside.toFixed(1)} texts/s, alone ${bulkAlone.toFixed(1)}: ${(share * 100).toFixed(0)}%, at least 90%`,
    share >= 0.9,
  );
}

/** One bit somewhere in one of the files; the graph is in the package, so a copy of the package's folder is damaged. */
async function damages(daemonPath: string, modelDir: string): Promise<void> {
  const folder = join(scratch, 'model');
  mkdirSync(folder);
  const files = readdirSync(modelDir);
  for (const file of files) copyFileSync(join(modelDir, file), join(folder, file));
  const daemon = await start(daemonPath, { KTX_EMBEDDINGS_MODEL_DIR: folder });
  await post(daemon.port, '/embeddings/compute', { text: 'a' });
  let refused = 0;
  const rounds = 100;
  for (let round = 0; round < rounds; round++) {
    const path = join(folder, files[round % files.length]!);
    const content = readFileSync(path);
    const at = Math.floor(Math.random() * content.length);
    const bit = 1 << (round % 8);
    content[at]! ^= bit;
    writeFileSync(path, content);
    const answer = await post(daemon.port, '/embeddings/compute', { text: 'a' });
    const { detail } = (await answer.json()) as { detail?: string };
    if (answer.status === 500 && detail?.includes(files[round % files.length]!)) refused++;
    content[at]! ^= bit;
    writeFileSync(path, content);
  }
  const after = await post(daemon.port, '/embeddings/compute', { text: 'a' });
  await stop(daemon);
  say(
    'single-bit damages under a running daemon that are refused by name',
    `${refused} of ${rounds}`,
    refused === rounds,
  );
  say('vectors again once the files are whole', `status ${after.status}`, after.status === 200);
}

async function idleness(daemonPath: string, modelDir: string): Promise<void> {
  const daemon = await start(daemonPath, {
    KTX_EMBEDDINGS_MODEL_DIR: modelDir,
    KTX_EMBEDDINGS_IDLE_SECONDS: '2',
  });
  await (await post(daemon.port, '/embeddings/compute-bulk', { texts: Array(100).fill(LONG) })).json();
  const loaded = memoryOf(daemon).rss;
  await delay(4000);
  const { rss, own } = memoryOf(daemon);
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const startedAt = performance.now();
    await (await post(daemon.port, '/embeddings/compute', { text: 'a' })).json();
    times.push(performance.now() - startedAt);
    await delay(4000);
  }
  await stop(daemon);
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  say('memory once idle', `${megabytes(rss)}, loaded ${megabytes(loaded)}, at most 50 MB`, rss <= 50e6);
  say(
    'private memory of 20 idle daemons',
    `20 x ${megabytes(own)} = ${megabytes(20 * own)}, at most 400 MB`,
    20 * own <= 400e6,
  );
  const median = times.sort((a, b) => a - b)[2]!;
  say('next vector after that, median of 5', `${median.toFixed(0)} ms, at most 500`, median <= 500);
}

/** Of the daemon and its engine together. */
function memoryOf({ child }: Daemon): { rss: number; own: number } {
  let rss = 0;
  let own = 0;
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean);
  for (const pid of [child.pid, ...children]) {
    try {
      for (const [, name, kilobytes] of readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(
        /^(\w+): +(\d+) kB$/gm,
      )) {
        if (name === 'Rss') rss += Number(kilobytes) * 1024;
        if (name === 'Private_Dirty' || name === 'Private_Clean') own += Number(kilobytes) * 1024;
      }
    } catch {
      // The engine has just ended.
    }
  }
  return { rss, own };
}

async function hostility(daemonPath: string, modelDir: string): Promise<void> {
  const daemon = await start(daemonPath, { KTX_EMBEDDINGS_MODEL_DIR: modelDir });
  const { port } = daemon;
  await post(port, '/embeddings/compute', { text: 'a' });
  const until = performance.now() + HOSTILE_SECONDS * 1000;
  const isOver = () => performance.now() > until;
  const sockets: Socket[] = [];
  let peak = 0;
  const health: number[] = [];
  const accepted = { asked: 0, right: 0, refused: 0 };

  const watch = async () => {
    while (!isOver()) {
      peak = Math.max(peak, memoryOf(daemon).rss);
      await delay(50);
    }
  };
  const probe = async () => {
    while (!isOver()) {
      const startedAt = performance.now();
      await (await fetch(`http://127.0.0.1:${port}/health`)).json();
      health.push(performance.now() - startedAt);
      await delay(100);
    }
  };
  const honest = async () => {
    while (!isOver()) {
      accepted.asked++;
      const answer = await post(port, '/embeddings/compute', { text: 'an honest question' }).catch(
        () => null,
      );
      const body = (await answer?.json().catch(() => null)) as { embedding?: number[] } | null;
      if (body?.embedding?.length === 384) accepted.right++;
      else if (answer?.status === 429 || answer?.status === 503) accepted.refused++;
      await delay(200);
    }
  };
  /** Sends and leaves after a moment. */
  const leaving = async (body: () => string, path: string) => {
    while (!isOver()) {
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 200);
      await post(port, path, body(), abort.signal).catch(() => {});
    }
  };
  const staying = async (body: () => string, path: string) => {
    while (!isOver())
      await post(port, path, body()).then(
        (answer) => answer.text(),
        () => delay(50),
      );
  };
  const slow = async (text: string) => {
    while (!isOver()) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      socket.write(text);
      await delay(100);
    }
  };
  const head = (length: number) =>
    `POST /embeddings/compute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  const wide = JSON.stringify({ text: `${'\u{1F642}'.repeat(4)}${'a'.repeat(15e6)}` });
  const many = `{"text":"a","x":[${'[],'.repeat(5e6)}1]}`;
  const bulk = JSON.stringify({ texts: Array(100).fill(LONG) });
  await Promise.all([
    watch(),
    probe(),
    honest(),
    ...Array.from({ length: 4 }, () => leaving(() => bulk, '/embeddings/compute-bulk')),
    ...Array.from({ length: 3 }, () => staying(() => wide, '/embeddings/compute')),
    ...Array.from({ length: 2 }, () => staying(() => many, '/embeddings/compute')),
    slow('POST /embeddings/compute HTTP/1.1\r\nho'),
    slow(`${head(1000)}{"text":`),
  ]);
  for (const socket of sockets) socket.destroy();
  await delay(10_000);
  const later = memoryOf(daemon).rss;
  await stop(daemon);
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  say(
    `memory during ${HOSTILE_SECONDS} s of hostile clients`,
    `${megabytes(peak)}, at most 400 MB`,
    peak <= 400e6,
  );
  say('memory 10 s later', `${megabytes(later)}, at most 250 MB`, later <= 250e6);
  const worst = Math.max(...health);
  say(
    '/health meanwhile',
    `p99 ${p99(health).toFixed(0)} ms, worst ${worst.toFixed(0)} ms, under 100 ms`,
    p99(health) < 100,
  );
  const lost = accepted.asked - accepted.right - accepted.refused;
  say(
    'honest questions',
    `${accepted.right} answered, ${accepted.refused} told to come back, ${lost} lost`,
    lost === 0,
  );
}
