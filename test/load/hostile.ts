import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Daemon,
  megabytes,
  memoryOf,
  p99,
  peakOf,
  processesOf,
  processorSeconds,
  type Rig,
  type Row,
  residentOf,
  startDaemon,
  stopDaemon,
  timeOfText,
} from '../fixtures/embeddings-rig.ts';
import type { HonestResult } from './honest-client.ts';
import { HOSTILE_KINDS, hostileProcesses } from './hostile-kinds.ts';

const SECONDS = Number(process.env['KTX_LOAD_SECONDS'] ?? 60);
const MAX_BYTES = 400e6;
const MAX_LATER_BYTES = 250e6;
const MAX_HEALTH_MS = 100;
const HOSTILE_NICENESS = 10;

/**
 * One minute of hostile clients of every kind at once, in processes of their own, beside a client that asks honest
 * questions and looks at /health. What these have to wait for on a machine that has too few processors for all is told by the
 * processor time of the daemon, and by what a process that only sleeps sees of the machine.
 */
export async function hostileRows(rig: Rig): Promise<Row[]> {
  const daemon = await startDaemon(rig);
  const children: ChildProcess[] = [];
  try {
    await timeOfText(daemon.port, 'a');
    const honest = startHonest([String(daemon.port), String(SECONDS)]);
    children.push(honest.child);
    const hostile = hostileProcesses().map((kinds) =>
      startHostile([String(daemon.port), String(SECONDS), ...kinds]),
    );
    children.push(...hostile.map(({ child }) => child));
    await Promise.all(hostile.map(({ ready }) => ready));
    for (const child of children) child.send('go');
    const watched = await watch(daemon);
    const { health, naps, asked, answered, refused, wrong } = await honest.result;
    for (const child of children) child.kill('SIGKILL');
    await delay(10_000);
    const later = memoryOf(daemon).rss;
    const lost = asked - answered - refused;
    const stillRight = await timeOfText(daemon.port, 'a').then(
      () => true,
      () => false,
    );
    return [
      {
        name: `memory during ${SECONDS} s of ${Object.keys(HOSTILE_KINDS).length} kinds of hostile clients`,
        figure: `${megabytes(watched.peakBytes)}, at most 400 MB (${watched.peaks} at their worst)`,
        isMet: watched.peakBytes <= MAX_BYTES,
      },
      {
        name: 'memory 10 s later',
        figure: `${megabytes(later)}, at most 250 MB (${apart(daemon, residentOf)})`,
        isMet: later <= MAX_LATER_BYTES,
      },
      {
        name: '/health meanwhile',
        figure: `p99 ${ms(p99(health))}, worst ${ms(Math.max(...health))} of ${health.length}, under 100 ms (a process that sleeps is woken late by p99 ${ms(p99(naps))})`,
        isMet: p99(health) < MAX_HEALTH_MS,
      },
      {
        name: 'honest questions',
        figure: `${answered} of ${asked} answered, ${refused} told to come back, ${lost} lost, ${wrong} wrong`,
        isMet: lost === 0 && wrong === 0 && answered > 0,
      },
      { name: 'vectors afterwards', figure: stillRight ? 'right' : 'none', isMet: stillRight },
      { name: 'processor time of the daemon without its engine', figure: watched.share, isMet: null },
    ];
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await stopDaemon(daemon);
  }
}

async function watch(daemon: Daemon): Promise<{ peakBytes: number; peaks: string; share: string }> {
  const until = performance.now() + SECONDS * 1000;
  const before = processorSeconds(daemon.child.pid!);
  const engineBefore = engineSeconds(daemon);
  let peakBytes = 0;
  while (performance.now() < until) {
    peakBytes = Math.max(peakBytes, memoryOf(daemon).rss);
    await delay(50);
  }
  const own = processorSeconds(daemon.child.pid!) - before;
  const engine = engineSeconds(daemon) - engineBefore;
  const share = (seconds: number) => `${((seconds / SECONDS) * 100).toFixed(0)}%`;
  return {
    peakBytes,
    peaks: apart(daemon, peakOf),
    share: `${share(own)} of a core, its engine ${share(engine)}`,
  };
}

function apart({ child }: Daemon, measure: (pid: number) => number): string {
  const [own, engine] = processesOf(child.pid!).map(measure);
  return `daemon ${megabytes(own ?? 0)}, engine ${megabytes(engine ?? 0)}`;
}

function engineSeconds({ child }: Daemon): number {
  const [, engine] = processesOf(child.pid!);
  return engine === undefined ? 0 : processorSeconds(engine);
}

const STDIO = ['ignore', 'inherit', 'inherit', 'ipc'] as ('ignore' | 'inherit' | 'ipc')[];

/** Other clients have processors of their own, or other machines; on these few they give way to the daemon. */
export function startHostile(args: readonly string[]) {
  const child = fork(join(import.meta.dirname, 'hostile-client.ts'), args, { stdio: STDIO });
  setPriority(child.pid!, HOSTILE_NICENESS);
  const ready = new Promise<void>((resolve) => child.once('message', () => resolve()));
  return { child, ready };
}

function startHonest(args: readonly string[]) {
  const child = fork(join(import.meta.dirname, 'honest-client.ts'), args, { stdio: STDIO });
  const result = new Promise<HonestResult>((resolve, reject) => {
    child.once('message', (message) => resolve(message as HonestResult));
    child.once('exit', () => reject(new Error('the honest client ended without a result')));
  });
  return { child, result };
}

const ms = (value: number) => `${value.toFixed(0)} ms`;
