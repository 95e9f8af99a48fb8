import type { ArtefactKind, SetupStep } from '../../core/events.ts';
import type { Stage } from './stages.ts';

export type InstallStep = Exclude<SetupStep, 'plan'>;

export interface StepProgress {
  step: InstallStep;
  status: 'waiting' | 'running' | 'finished' | 'failed';
  startedAtMs: number | null;
  durationMs: number | null;
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
  /** What is left besides the transfer. */
  stages: readonly Stage[];
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
  /** Expected slowdown of this machine from its current load; 1 is none. */
  pace: number;
  paceAtMs: number;
  /** Source host or folder by kind of artefact. */
  places: Readonly<Partial<Record<ArtefactKind, string>>>;
  /** The progress bar, 0 to 1, over all steps. It never goes back. */
  share: number;
}

/** Used until the real speed is known; the bar is corrected then. */
const ASSUMED_BYTES_PER_MS = 5000;
/** Typical error of an expected duration: a stage that overruns is never shown as finished. */
const UNCERTAINTY = 0.38;
/** Weight of the expected pace against finished stages, in milliseconds of their time. */
const EXPECTED_PACE_MS = 1500;
const ETA_AFTER_MS = 2000;
/** A stage expected to be this short says nothing about the pace. */
const SMALLEST_MS = 100;
/**
 * Fitted to installs next to 1 to 10 busy processes per processor: some of those wait for the disk, or run at
 * lower priority.
 */
const LOAD_EXPONENT = 0.65;
const PACE_MEMORY_MS = 3000;
/** A factor outside this range says more about the stage than about the machine. */
const PACE_RANGE = [0.3, 12] as const;

/**
 * Slowdown of a machine with this many runnable processes: they share the processors, and wait for the disk
 * in between.
 */
export function paceOfLoad(load: number, processors: number): number {
  return Math.max(1, load / Math.max(1, processors)) ** LOAD_EXPONENT;
}

/** The expected pace after another load sample, smoothed because processes come and go. */
export function nextPace({ pace, paceAtMs }: InstallProgress, current: number, nowMs: number): number {
  const kept = Math.exp(-Math.max(0, nowMs - paceAtMs) / PACE_MEMORY_MS);
  return Math.exp(Math.log(pace) * kept + Math.log(current) * (1 - kept));
}

/**
 * Slowdown of this machine for reasons other than load, from the finished stages and from the running one if
 * it overruns. Factors are averaged logarithmically, so that one stage that waited for a disk does not
 * dominate.
 */
function slownessOf({ stages, pace }: InstallProgress, nowMs: number, begunAtMs: number | null): number {
  let weightMs = EXPECTED_PACE_MS;
  let sum = 0;
  for (const [index, { costMs, startedAtMs, endedAtMs, paceAtEnd }] of stages.entries()) {
    const beganAtMs = startedAtMs ?? (index === 0 ? begunAtMs : null);
    if (beganAtMs === null || costMs < SMALLEST_MS) continue;
    const isOver = endedAtMs !== null;
    const expectedMs = costMs * (isOver ? paceAtEnd : pace);
    const tookMs = (endedAtMs ?? nowMs) - beganAtMs;
    if (!isOver && tookMs < expectedMs) continue;
    weightMs += costMs;
    sum += costMs * Math.log(Math.max(PACE_RANGE[0], tookMs / expectedMs));
  }
  return Math.exp(sum / weightMs);
}

/** The speed including the time since the last sample: silence lowers it. */
function currentSpeed({ bytesPerSecond, speedSample }: InstallProgress, nowMs: number): number | null {
  if (bytesPerSecond === null || speedSample === null) return null;
  const silentMs = Math.max(0, nowMs - speedSample.atMs - 1000);
  return bytesPerSecond * Math.exp(-silentMs / 5000);
}

/** Time left of a stage, given its expected and elapsed duration. */
function leftOf(costMs: number, elapsedMs: number): number {
  return Math.hypot(Math.max(0, costMs - elapsedMs), UNCERTAINTY * Math.min(costMs, Math.max(0, elapsedMs)));
}

interface Work {
  doneMs: number;
  leftMs: number;
}

/** Elapsed and remaining work of the whole installation, as time. `null` while the transfer size is unknown. */
function workOf(progress: InstallProgress, nowMs: number): (Work & { isSpeedKnown: boolean }) | null {
  const { totalBytes, doneBytes, stages, lastByteAtMs } = progress;
  if (totalBytes === null) return null;
  const speed = currentSpeed(progress, nowMs);
  const bytesPerMs = speed === null ? ASSUMED_BYTES_PER_MS : Math.max(speed / 1000, 1e-3);
  const isFetched = stages[0]!.endedAtMs !== null;
  const leftBytes = isFetched ? 0 : Math.max(0, totalBytes - doneBytes);
  // Processing of the files starts when the last byte has arrived.
  const begunAtMs = leftBytes === 0 ? (lastByteAtMs ?? progress.startedAtMs) : null;
  const factor = slownessOf(progress, nowMs, begunAtMs) * progress.pace;
  let doneMs = Math.min(totalBytes, isFetched ? totalBytes : doneBytes) / bytesPerMs;
  let leftMs = leftBytes / bytesPerMs;
  for (const [index, stage] of stages.entries()) {
    const costMs = stage.costMs * Math.min(PACE_RANGE[1], Math.max(PACE_RANGE[0], factor));
    const startedAtMs = stage.startedAtMs ?? (index === 0 ? begunAtMs : null);
    const left =
      stage.endedAtMs !== null ? 0 : startedAtMs === null ? costMs : leftOf(costMs, nowMs - startedAtMs);
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
