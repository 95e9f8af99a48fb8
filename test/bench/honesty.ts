import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { SetupEvent } from '../../src/core/events.ts';
import { paceOfLoad, remainingMs } from '../../src/wizard/progress/estimate.ts';
import { advanceProgress, startProgress, tickProgress } from '../../src/wizard/progress/progress.ts';

/** As the screen's clock ticks, but finer: what is shown between two ticks counts too. */
const TICK_MS = 250;
const AFTER_MS = 2000;
const TOLERANCE = 0.3;

export interface LoadSample {
  at: string;
  runnable: number;
}

export interface Recording {
  /** The load average at its end. */
  load: number;
  samples: readonly LoadSample[];
  processors: number;
  events: readonly SetupEvent[];
}

export interface Honesty {
  /** Moments looked at, those with a time left on the screen, and those where it was within 30 % or half a second of the truth. */
  samples: number;
  shown: number;
  within: number;
  /** Without the half second. */
  strictly: number;
  steps: Record<string, number>;
  hasGoneBack: boolean;
  totalMs: number;
}

/** What the install screen would have shown of a recorded install, at each moment, beside what came then. */
export function honestyOf(recorded: Recording): Honesty {
  const { events } = recorded;
  const planned = events.find((event) => event.type === 'plan');
  if (planned?.type !== 'plan') throw new Error('The events hold no plan.');
  const begin = events.find(
    (event) => event.type === 'step' && event.step === 'fetch' && event.status === 'started',
  );
  const startMs = Date.parse(begin!.at);
  const endMs = Math.max(...events.filter((event) => event.type === 'step').map(({ at }) => Date.parse(at)));
  const queue = events.slice(events.indexOf(begin!));
  const samples = [...recorded.samples];
  let pace = paceOfLoad(samples[0]?.runnable ?? recorded.load, recorded.processors);
  let progress = startProgress(planned.plan, startMs, pace);
  let shown = 0;
  const honesty: Honesty = {
    samples: 0,
    shown: 0,
    within: 0,
    strictly: 0,
    steps: {},
    hasGoneBack: false,
    totalMs: endMs - startMs,
  };
  for (let nowMs = startMs; nowMs < endMs; nowMs += TICK_MS) {
    while (queue[0] && Date.parse(queue[0].at) <= nowMs) {
      const event = queue.shift()!;
      progress = advanceProgress(progress, event);
      if (event.type === 'step' && event.status === 'finished')
        honesty.steps[event.step] = event.durationMs ?? 0;
    }
    while (samples[0] && Date.parse(samples[0].at) <= nowMs)
      pace = paceOfLoad(samples.shift()!.runnable, recorded.processors);
    progress = tickProgress(progress, nowMs, pace);
    honesty.hasGoneBack ||= progress.share < shown;
    shown = progress.share;
    if (nowMs - startMs < AFTER_MS) continue;
    const left = remainingMs(progress, nowMs);
    const truth = endMs - nowMs;
    honesty.samples++;
    if (left === null) continue;
    honesty.shown++;
    const error = Math.abs(left - truth);
    if (error <= TOLERANCE * truth) honesty.strictly++;
    // What is shown is whole seconds: half of one is no lie.
    if (error <= Math.max(TOLERANCE * truth, 500)) honesty.within++;
  }
  return honesty;
}

/** The events of `ktx setup --json`, without those that have no time. */
export function eventsOf(text: string): SetupEvent[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as SetupEvent)
    .filter((event) => event.at !== undefined);
}

/** Recordings of a folder by the speed of their link. */
export function readRecordings(folder: string): Map<number, Recording[]> {
  const recordings = new Map<number, Recording[]>();
  for (const name of readdirSync(folder).sort()) {
    const speed = Number(name.split('-')[0]);
    const text = readFileSync(join(folder, name), 'utf8');
    const head = JSON.parse(text.split('\n')[0] ?? '{}') as Partial<Recording>;
    const { load = 0, samples = [], processors = availableParallelism() } = head;
    recordings.set(speed, [
      ...(recordings.get(speed) ?? []),
      { load, samples, processors, events: eventsOf(text) },
    ]);
  }
  return recordings;
}
