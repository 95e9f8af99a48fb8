import type { ArtefactKind, PlanSummary, SetupStep } from '../core/events.ts';

export type InstallStep = Exclude<SetupStep, 'plan'>;

/** Duration of each step apart from the network transfer, in milliseconds. */
export type StepCosts = Readonly<Record<InstallStep, number>>;

export interface StepProgress {
  step: InstallStep;
  status: 'waiting' | 'running' | 'finished' | 'failed';
  startedAtMs: number | null;
  durationMs: number | null;
  /** When the first result of the proof arrived. */
  resultAtMs: number | null;
  /** The expected pace when it finished. */
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

/** The state of a running installation, derived from its events alone. */
export interface InstallProgress {
  startedAtMs: number;
  steps: readonly StepProgress[];
  files: ReadonlyMap<string, FileProgress>;
  /** Files to fetch by plan, `null` if unknown. */
  fileCount: number | null;
  /** Bytes to fetch by plan, `null` if unknown. */
  totalBytes: number | null;
  /** Bytes received in this run. */
  doneBytes: number;
  bytesPerSecond: number | null;
  speedSample: { atMs: number; bytes: number; weight: number } | null;
  lastByteAtMs: number | null;
  /** Expected duration of the steps apart from the transfer. */
  costs: StepCosts;
  /** Expected slowdown of this machine from its current load; 1 is none. */
  pace: number;
  paceAtMs: number;
  /** Source host or folder by kind of artefact. */
  places: Readonly<Partial<Record<ArtefactKind, string>>>;
  /** The progress bar, 0 to 1, over all steps. It never goes back. */
  share: number;
}

/**
 * Measured on an idle current machine. Other machines, and busy ones, differ by a factor that shows once the
 * first step is done.
 */
const UNPACK_BYTES_PER_MS = 150_000;
const PACKAGES_MS = 600;
const PROVE_CORE_MS = 400;
const PROVE_EMBEDDINGS_MS = 1700;
const SWITCH_MS = 60;
/** Used until the real speed is known; the bar is corrected then. */
const ASSUMED_BYTES_PER_MS = 5000;
/** Typical error of an expected duration: a step that overruns is never shown as finished. */
const UNCERTAINTY = 0.2;
/**
 * Time that the proof needs after its first result, as a fraction of the time so far: its results arrive
 * close together, near the end.
 */
const PROOF_AFTER_RESULT = 0.12;
/** Weight of the expected pace against finished steps, in milliseconds of their time. */
const EXPECTED_PACE_MS = 500;
const ETA_AFTER_MS = 2000;
/** A step expected to be this short says nothing about the pace. */
const SMALLEST_MS = 100;
/**
 * Fitted to installs next to 1 to 20 busy processes per processor: some of those wait for the disk, or run at
 * lower priority.
 */
const LOAD_EXPONENT = 0.4;
const PACE_MEMORY_MS = 3000;
/** A factor outside this range says more about the step than about the machine. */
const PACE_RANGE = [0.3, 8] as const;

/** Expected duration of a plan's steps on the reference machine. */
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
 * Slowdown of a machine with this many runnable processes: they share the processors, and wait for the disk
 * in between.
 */
export function paceOfLoad(load: number, processors: number): number {
  return Math.max(1, load / Math.max(1, processors)) ** LOAD_EXPONENT;
}

/**
 * Slowdown of this machine for reasons other than load, from the finished steps. Factors are averaged
 * logarithmically, so that one step that waited for a disk does not dominate.
 */
function slownessOf({ steps, costs, lastByteAtMs }: InstallProgress): number {
  let weightMs = EXPECTED_PACE_MS;
  let sum = 0;
  for (const { step, status, startedAtMs, durationMs, paceAtEnd } of steps) {
    if (status !== 'finished' || startedAtMs === null || durationMs === null) continue;
    if (costs[step] < SMALLEST_MS) continue;
    // Network time says nothing about the machine.
    const ownMs = step === 'fetch' ? startedAtMs + durationMs - (lastByteAtMs ?? startedAtMs) : durationMs;
    weightMs += costs[step];
    const expectedMs = costs[step] * (paceAtEnd ?? 1);
    sum += costs[step] * Math.log(Math.max(PACE_RANGE[0], ownMs / expectedMs));
  }
  return Math.exp(sum / weightMs);
}

/** The expected pace after another load sample, smoothed because processes come and go. */
export function nextPace({ pace, paceAtMs }: InstallProgress, current: number, nowMs: number): number {
  const kept = Math.exp(-Math.max(0, nowMs - paceAtMs) / PACE_MEMORY_MS);
  return Math.exp(Math.log(pace) * kept + Math.log(current) * (1 - kept));
}

/** The speed including the time since the last sample: silence lowers it. */
function currentSpeed({ bytesPerSecond, speedSample }: InstallProgress, nowMs: number): number | null {
  if (bytesPerSecond === null || speedSample === null) return null;
  const silentMs = Math.max(0, nowMs - speedSample.atMs - 1000);
  return bytesPerSecond * Math.exp(-silentMs / 5000);
}

/** Time left of a step, given its expected and elapsed duration. */
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

/** Elapsed and remaining work of the whole installation, as time. `null` while the transfer size is unknown. */
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
  /** Processing of the files starts when the last byte has arrived. */
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

/** Milliseconds until everything is done, or `null` while unknown. */
export function remainingMs(progress: InstallProgress, nowMs: number): number | null {
  if (nowMs - progress.startedAtMs < ETA_AFTER_MS) return null;
  const work = workOf(progress, nowMs);
  return work?.isSpeedKnown ? work.leftMs : null;
}

/** Finished part of the installation, 0 to 1, over all steps. May go back, unlike the bar. */
export function shareOfWork(progress: InstallProgress, nowMs: number): number {
  const work = workOf(progress, nowMs);
  if (work === null) return 0;
  return work.doneMs / Math.max(1, work.doneMs + work.leftMs);
}
