import type { ArtefactKind, PlanSummary, SetupStep } from '../core/events.ts';

export type InstallStep = Exclude<SetupStep, 'plan'>;

/** What a step takes beside the bytes that come over the network, in milliseconds. */
export type StepCosts = Readonly<Record<InstallStep, number>>;

export interface StepProgress {
  step: InstallStep;
  status: 'waiting' | 'running' | 'finished' | 'failed';
  startedAtMs: number | null;
  durationMs: number | null;
  /** When the first result of a proof came. */
  resultAtMs: number | null;
  /** The pace expected when it finished. */
  paceAtEnd: number | null;
  detail: string;
}

export interface FileProgress {
  kind: ArtefactKind;
  doneBytes: number;
  totalBytes: number | null;
  isDone: boolean;
  isCached: boolean;
}

/** What is known of a running installation, made of its events alone. */
export interface InstallProgress {
  startedAtMs: number;
  steps: readonly StepProgress[];
  files: ReadonlyMap<string, FileProgress>;
  /** Files to fetch by plan, `null` when the plan does not say. */
  fileCount: number | null;
  /** Bytes to fetch by plan, `null` when the plan does not say. */
  totalBytes: number | null;
  /** Bytes that came over the wire in this run. */
  doneBytes: number;
  bytesPerSecond: number | null;
  speedSample: { atMs: number; bytes: number; weight: number } | null;
  lastByteAtMs: number | null;
  /** What the steps will take beside the transfer. */
  costs: StepCosts;
  /** How much slower than usual this machine should be under what else it is doing now. */
  pace: number;
  paceAtMs: number;
  /** Hosts and folders by what comes from them. */
  places: Readonly<Partial<Record<ArtefactKind, string>>>;
  /** The bar, 0 to 1: the part of all steps that is done. It never goes back. */
  share: number;
}

/**
 * Measured on a machine of today that does nothing else. Another machine, and a busy one, are slower or faster by a factor
 * that shows when the first of these steps is done.
 */
const UNPACK_BYTES_PER_MS = 150_000;
const PACKAGES_MS = 600;
const PROVE_CORE_MS = 400;
const PROVE_EMBEDDINGS_MS = 1700;
const SWITCH_MS = 60;
/** Until a link has shown its speed: what the bar makes of bytes is corrected then. */
const ASSUMED_BYTES_PER_MS = 5000;
/** How far off an expected duration usually is: a step that takes longer than expected is never said to be over. */
const UNCERTAINTY = 0.2;
/** What the proof still does after its first result, as a part of what it took so far: its results come together, near its end. */
const PROOF_AFTER_RESULT = 0.12;
/** How much the pace that was expected counts beside steps that are over, as so much of their time. */
const EXPECTED_PACE_MS = 500;
const ETA_AFTER_MS = 2000;
/** A step that is expected to be over at once says nothing. */
const SMALLEST_MS = 100;
/** Fitted to installs beside a load of 1 to 20 processes a processor: some of them wait for the disk, or are more polite. */
const LOAD_EXPONENT = 0.4;
const PACE_MEMORY_MS = 3000;
/** A factor beyond these says more about the step than about the machine. */
const PACE_RANGE = [0.3, 8] as const;

/** What the steps of a plan will take on the machine that the figures are from. */
export function expectedCosts({ rows, features }: PlanSummary): StepCosts {
  const row = (id: string) => rows.find((each) => each.id === id);
  const unpacked = (id: string): number => {
    const found = row(id);
    return found?.action === 'here' || !found ? 0 : (found.diskBytes ?? found.downloadBytes ?? 0);
  };
  const prove = features.includes('local-embeddings') ? PROVE_EMBEDDINGS_MS : PROVE_CORE_MS;
  return {
    fetch: unpacked('uv') / UNPACK_BYTES_PER_MS,
    python: unpacked('python') / UNPACK_BYTES_PER_MS,
    packages: PACKAGES_MS + unpacked('environment') / UNPACK_BYTES_PER_MS,
    prove,
    switch: SWITCH_MS,
  };
}

/**
 * How much slower a machine is with so many processes that want a processor: each has its share of it, and waits for the
 * disk in between.
 */
export function paceOfLoad(load: number, processors: number): number {
  return Math.max(1, load / Math.max(1, processors)) ** LOAD_EXPONENT;
}

/**
 * How much slower than usual this machine is for reasons other than its load, as the finished steps show.
 * Factors are averaged by their logarithms, so that one step that waited for a disk does not decide alone.
 */
function slownessOf({ steps, costs, lastByteAtMs }: InstallProgress): number {
  let weightMs = EXPECTED_PACE_MS;
  let sum = 0;
  for (const { step, status, startedAtMs, durationMs, paceAtEnd } of steps) {
    if (status !== 'finished' || startedAtMs === null || durationMs === null) continue;
    if (costs[step] < SMALLEST_MS) continue;
    // What the network took says nothing about the machine.
    const ownMs = step === 'fetch' ? startedAtMs + durationMs - (lastByteAtMs ?? startedAtMs) : durationMs;
    weightMs += costs[step];
    const expectedMs = costs[step] * (paceAtEnd ?? 1);
    sum += costs[step] * Math.log(Math.max(PACE_RANGE[0], ownMs / expectedMs));
  }
  return Math.exp(sum / weightMs);
}

/** The expected pace after one more look at the load. A look is a moment, and processes come and go. */
export function nextPace({ pace, paceAtMs }: InstallProgress, current: number, nowMs: number): number {
  const kept = Math.exp(-Math.max(0, nowMs - paceAtMs) / PACE_MEMORY_MS);
  return Math.exp(Math.log(pace) * kept + Math.log(current) * (1 - kept));
}

/** The speed with what has not come since the last sample: silence makes it slower. */
function currentSpeed({ bytesPerSecond, speedSample }: InstallProgress, nowMs: number): number | null {
  if (bytesPerSecond === null || speedSample === null) return null;
  const silentMs = Math.max(0, nowMs - speedSample.atMs - 1000);
  return bytesPerSecond * Math.exp(-silentMs / 5000);
}

/** What is left of something that was expected to take so long and has taken so much already. */
function leftOf(costMs: number, elapsedMs: number): number {
  return Math.hypot(
    Math.max(0, costMs - elapsedMs),
    elapsedMs <= 0 ? 0 : Math.max(costMs, elapsedMs) * UNCERTAINTY,
  );
}

function stepLeftMs(step: StepProgress, costMs: number, nowMs: number): number {
  if (step.status === 'finished') return 0;
  if (step.status !== 'running' || step.startedAtMs === null) return costMs;
  const elapsedMs = nowMs - step.startedAtMs;
  const { resultAtMs } = step;
  if (resultAtMs === null) return leftOf(costMs, elapsedMs);
  return leftOf((resultAtMs - step.startedAtMs) * PROOF_AFTER_RESULT, nowMs - resultAtMs);
}

interface Work {
  doneMs: number;
  leftMs: number;
}

/** The whole installation in time: what is done and what is left. `null` while the size of the transfer is not known. */
function workOf(progress: InstallProgress, nowMs: number): (Work & { isSpeedKnown: boolean }) | null {
  const { totalBytes, doneBytes, steps, costs, lastByteAtMs } = progress;
  if (totalBytes === null) return null;
  const slowness = slownessOf(progress);
  const speed = currentSpeed(progress, nowMs);
  const bytesPerMs = speed === null ? ASSUMED_BYTES_PER_MS : Math.max(speed / 1000, 1e-3);
  const isFetched = steps.some(({ step, status }) => step === 'fetch' && status === 'finished');
  const leftBytes = isFetched ? 0 : Math.max(0, totalBytes - doneBytes);
  let doneMs = Math.min(totalBytes, isFetched ? totalBytes : doneBytes) / bytesPerMs;
  let leftMs = leftBytes / bytesPerMs;
  /** What a machine does with the files begins when the last byte is here. */
  const fetchLeftMs = (costMs: number): number => {
    if (isFetched) return 0;
    return leftBytes > 0 ? costMs : leftOf(costMs, nowMs - (lastByteAtMs ?? nowMs));
  };
  for (const step of steps) {
    const factor = slowness * progress.pace;
    const costMs = costs[step.step] * Math.min(PACE_RANGE[1], Math.max(PACE_RANGE[0], factor));
    const left = step.step === 'fetch' ? fetchLeftMs(costMs) : stepLeftMs(step, costMs, nowMs);
    leftMs += left;
    doneMs += costMs - left;
  }
  return { doneMs, leftMs, isSpeedKnown: speed !== null || leftBytes === 0 };
}

/** Milliseconds until everything is done, or `null` while nobody can know. */
export function remainingMs(progress: InstallProgress, nowMs: number): number | null {
  if (nowMs - progress.startedAtMs < ETA_AFTER_MS) return null;
  const work = workOf(progress, nowMs);
  return work?.isSpeedKnown ? work.leftMs : null;
}

/** The part of the installation that is done, 0 to 1, all steps together. Not yet the bar, which never goes back. */
export function shareOfWork(progress: InstallProgress, nowMs: number): number {
  const work = workOf(progress, nowMs);
  if (work === null) return 0;
  return work.doneMs / Math.max(1, work.doneMs + work.leftMs);
}
