import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  megabytes,
  memoryOf,
  p99,
  peakOf,
  processesOf,
  type Rig,
  type Say,
  startDaemon,
  stopDaemon,
  timeOfText,
} from '../fixtures/embeddings-rig.ts';
import { startHostile } from './hostile.ts';
import { HOSTILE_KINDS, type HostileKind } from './hostile-kinds.ts';

const SECONDS = Number(process.env['KTX_LOAD_SECONDS'] ?? 4);
const SETTLE_MS = 3000;

/**
 * What each kind of hostile client costs when it is alone: which process grows, by how much, and what /health waits for. KTX_LOAD_KINDS
 * selects kinds by a pattern.
 */
export async function kindRows(rig: Rig, say: Say): Promise<void> {
  const pattern = new RegExp(process.env['KTX_LOAD_KINDS'] ?? '');
  for (const kind of Object.keys(HOSTILE_KINDS) as HostileKind[]) {
    if (!pattern.test(kind)) continue;
    const daemon = await startDaemon(rig);
    const hostile = startHostile([String(daemon.port), String(SECONDS), kind]);
    try {
      await timeOfText(daemon.port, 'a');
      await hostile.ready;
      const pids = processesOf(daemon.child.pid!);
      for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
      hostile.child.send('go');
      const health: number[] = [];
      const until = performance.now() + SECONDS * 1000;
      while (performance.now() < until) {
        const startedAt = performance.now();
        await (await fetch(`http://127.0.0.1:${daemon.port}/health`)).json();
        health.push(performance.now() - startedAt);
        await delay(20);
      }
      const [own, engine] = pids.map(peakOf);
      hostile.child.kill('SIGKILL');
      await delay(SETTLE_MS);
      const figure = `daemon ${megabytes(own ?? 0)}, engine ${megabytes(engine ?? 0)} at most; ${megabytes(memoryOf(daemon).rss)} later; /health p99 ${p99(health).toFixed(0)} ms, worst ${Math.max(...health).toFixed(0)} ms`;
      say({ name: kind, figure, isMet: null });
    } finally {
      hostile.child.kill('SIGKILL');
      await stopDaemon(daemon);
    }
  }
}
