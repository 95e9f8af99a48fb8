import type { ArtefactKind, PlanSummary, SetupEvent, SetupStep } from '../../core/events.ts';
import { SETUP_STEPS } from '../../core/events.ts';
import { said, saidValue, t } from '../../language/translate.ts';
import { formatBytes, formatCount } from '../../support/text/format.ts';
import {
  type FileProgress,
  type InstallProgress,
  type InstallStep,
  nextPace,
  type StepProgress,
  shareOfWork,
} from './estimate.ts';
import { advanceStages, stagesOf } from './stages.ts';

export type { InstallProgress, InstallStep, StepProgress } from './estimate.ts';

const INSTALL_STEPS = SETUP_STEPS.filter((step): step is InstallStep => step !== 'plan');

/** Samples every half second, averaged over about three: steady enough to read, quick enough to be accurate. */
const SPEED_SAMPLE_MS = 500;
const SPEED_MEMORY_MS = 3000;
/** Silence worth mentioning; it is only displayed. */
const SILENCE_AFTER_MS = 20_000;

export function startProgress(plan: PlanSummary, atMs: number, pace = 1): InstallProgress {
  return {
    startedAtMs: atMs,
    steps: INSTALL_STEPS.map((step) => ({
      step,
      status: 'waiting',
      startedAtMs: null,
      durationMs: null,
      detail: '',
    })),
    stages: stagesOf(plan),
    files: new Map(),
    fileCount: plan.fileCount,
    totalBytes: plan.downloadBytes,
    doneBytes: 0,
    bytesPerSecond: null,
    speedSample: null,
    lastByteAtMs: null,
    pace,
    paceAtMs: atMs,
    places: placesOf(plan),
    share: 0,
  };
}

const KIND_OF_ROW = { uv: 'uv', python: 'python', packages: 'wheel', model: 'model' } as const;

function placesOf({ rows }: PlanSummary): InstallProgress['places'] {
  const entries = rows.flatMap(({ id, action, place }) =>
    id === 'environment' || action !== 'fetch' ? [] : [[KIND_OF_ROW[id], place.split(' ')[0]!] as const],
  );
  return Object.fromEntries(entries);
}

/**
 * Advances the bar with the clock, never backwards.
 * @param pace current slowdown from the load of this machine, see `paceOfLoad`.
 */
export function tickProgress(progress: InstallProgress, nowMs: number, pace?: number): InstallProgress {
  const next =
    pace === undefined ? progress : { ...progress, pace: nextPace(progress, pace, nowMs), paceAtMs: nowMs };
  const share = Math.min(1, shareOfWork(next, nowMs));
  return share > next.share ? { ...next, share } : next;
}

export function advanceProgress(progress: InstallProgress, event: SetupEvent): InstallProgress {
  const atMs = Date.parse(event.at);
  const next = advanced(progress, event);
  return tickProgress({ ...next, stages: advanceStages(next.stages, event, { ...next, atMs }) }, atMs);
}

function advanced(progress: InstallProgress, event: SetupEvent): InstallProgress {
  const atMs = Date.parse(event.at);
  switch (event.type) {
    case 'step':
      return updateStep(progress, event.step, (step) =>
        event.status === 'started'
          ? { ...step, status: 'running', startedAtMs: atMs, detail: event.detail ?? '' }
          : {
              ...step,
              status: event.status,
              durationMs: event.durationMs ?? (step.startedAtMs === null ? null : atMs - step.startedAtMs),
              detail: event.detail ?? step.detail,
            },
      );
    case 'bytes':
      return withFile(progress, event.file, atMs, {
        kind: event.artefactKind,
        doneBytes: event.doneBytes,
        totalBytes: event.totalBytes,
        isDone: false,
        isCached: false,
      });
    case 'artefact':
      return withFile(progress, event.file, atMs, {
        kind: event.artefactKind,
        doneBytes: event.sizeBytes,
        totalBytes: event.sizeBytes,
        isDone: true,
        isCached: event.isCached,
      });
    case 'source':
      return withOtherFiles(progress, event);
    case 'uv': {
      const detail = uvDetail(event.phase, event.count, event.name);
      return detail === null ? progress : updateStep(progress, event.step, (step) => ({ ...step, detail }));
    }
    case 'note':
      return event.level === 'info'
        ? updateStep(progress, event.step, (step) => ({ ...step, detail: event.text }))
        : progress;
    default:
      return progress;
  }
}

function updateStep(
  progress: InstallProgress,
  name: SetupStep,
  change: (step: StepProgress) => StepProgress,
): InstallProgress {
  return { ...progress, steps: progress.steps.map((step) => (step.step === name ? change(step) : step)) };
}

function withFile(
  progress: InstallProgress,
  name: string,
  atMs: number,
  file: FileProgress,
): InstallProgress {
  const files = new Map(progress.files).set(name, file);
  const before = arrivedBytes(progress.files.get(name));
  const doneBytes = progress.doneBytes - before + arrivedBytes(file);
  const hasArrived = doneBytes !== progress.doneBytes;
  return {
    ...progress,
    ...nextSpeed(progress, doneBytes, atMs),
    files,
    doneBytes,
    lastByteAtMs: hasArrived ? atMs : (progress.lastByteAtMs ?? atMs),
  };
}

/** The files differ from the plan: the total changes, and bytes of dropped files no longer count. */
function withOtherFiles(
  progress: InstallProgress,
  { dropped, added }: Extract<SetupEvent, { type: 'source' }>,
): InstallProgress {
  const files = new Map(progress.files);
  let { doneBytes, fileCount, totalBytes } = progress;
  for (const { file, sizeBytes } of dropped) {
    doneBytes -= arrivedBytes(files.get(file));
    files.delete(file);
    totalBytes = totalBytes === null || sizeBytes === null ? null : totalBytes - sizeBytes;
  }
  for (const { sizeBytes } of added)
    totalBytes = totalBytes === null || sizeBytes === null ? null : totalBytes + sizeBytes;
  if (fileCount !== null) fileCount += added.length - dropped.length;
  return { ...progress, files, doneBytes, fileCount, totalBytes };
}

/** Files already in the store were not transferred, so the bar ignores them. */
function arrivedBytes(file: FileProgress | undefined): number {
  return file === undefined || file.isCached ? 0 : file.doneBytes;
}

function nextSpeed(
  progress: InstallProgress,
  doneBytes: number,
  atMs: number,
): Pick<InstallProgress, 'bytesPerSecond' | 'speedSample'> {
  const sample = progress.speedSample;
  if (sample === null)
    return { bytesPerSecond: null, speedSample: { atMs, bytes: progress.doneBytes, weight: 0 } };
  const elapsedMs = atMs - sample.atMs;
  if (elapsedMs < SPEED_SAMPLE_MS) return progress;
  const current = (Math.max(0, doneBytes - sample.bytes) * 1000) / elapsedMs;
  // Corrects for the weight of the samples so far, so that the first one counts fully.
  const kept = sample.weight * Math.exp(-elapsedMs / SPEED_MEMORY_MS);
  const added = 1 - Math.exp(-elapsedMs / SPEED_MEMORY_MS);
  const weight = kept + added;
  return {
    bytesPerSecond: ((progress.bytesPerSecond ?? 0) * kept + current * added) / weight,
    speedSample: { atMs, bytes: doneBytes, weight },
  };
}

function uvDetail(phase: string, count: number | null, name: string | null): string | null {
  if (count !== null) {
    if (phase === 'resolved') return `resolved ${formatCount(count, 'package')}`;
    if (phase === 'prepared') return `prepared ${formatCount(count, 'package')}`;
    if (phase === 'installed') return `installed ${formatCount(count, 'package')}`;
    if (phase === 'checked') return `checked ${formatCount(count, 'package')}`;
  }
  if (phase === 'python-installed' && name) return name;
  if (phase === 'creating-environment') return 'creating the environment';
  return null;
}

/** The running step, else the failed one, else the last finished one, else the first. */
export function currentStep(progress: InstallProgress): StepProgress {
  const byStatus = (status: StepProgress['status']) => progress.steps.findLast((it) => it.status === status);
  return (
    byStatus('running') ?? byStatus('failed') ?? byStatus('finished') ?? (progress.steps[0] as StepProgress)
  );
}

/** The text next to a step: `18 of 29 files, onnxruntime 22.7 MB`. */
export function stepDetail(progress: InstallProgress, step: StepProgress): string {
  if (step.step !== 'fetch' || step.status !== 'running' || progress.files.size === 0) return step.detail;
  const fetched = [...progress.files.values()].filter((file) => !file.isCached);
  const done = fetched.filter((file) => file.isDone).length;
  const counted =
    progress.fileCount === null || progress.fileCount < fetched.length
      ? said(formatCount(done, 'file'))
      : progress.fileCount === 1
        ? t`${done} of ${1} file`
        : t`${done} of ${progress.fileCount} files`;
  const current = largestUnderWay(progress);
  if (!current) return counted;
  const [name, { kind, totalBytes }] = current;
  const size = totalBytes === null ? '' : ` ${saidValue(formatBytes(totalBytes))}`;
  return `${counted}, ${artefactName(name, kind)}${size}`;
}

/** The largest of the files in transfer: a name that does not flicker. */
function largestUnderWay(progress: InstallProgress): [string, FileProgress] | undefined {
  return [...progress.files]
    .filter(([, file]) => !file.isDone)
    .reduce<[string, FileProgress] | undefined>(
      (largest, entry) =>
        largest && (largest[1].totalBytes ?? 0) >= (entry[1].totalBytes ?? 0) ? largest : entry,
      undefined,
    );
}

export interface Transfer {
  name: string;
  doneBytes: number;
  totalBytes: number | null;
}

/** Files in transfer, largest first: an order that stays stable. */
export function activeTransfers(progress: InstallProgress): Transfer[] {
  if (currentStep(progress).step !== 'fetch') return [];
  return [...progress.files]
    .filter(([, file]) => !file.isDone)
    .sort(([nameA, a], [nameB, b]) => (b.totalBytes ?? 0) - (a.totalBytes ?? 0) || (nameA < nameB ? -1 : 1))
    .map(([name, { kind, doneBytes, totalBytes }]) => ({
      name: artefactName(name, kind),
      doneBytes,
      totalBytes,
    }));
}

/** The source being waited for: that of the largest file in transfer. */
export function awaitedPlace(progress: InstallProgress): string | null {
  const current = largestUnderWay(progress);
  return (current && progress.places[current[1].kind]) ?? null;
}

/** How long a transfer has been silent; `null` when too short to mention. */
export function silentForMs(progress: InstallProgress, nowMs: number): number | null {
  if (currentStep(progress).step !== 'fetch' || currentStep(progress).status !== 'running') return null;
  const since = progress.lastByteAtMs ?? currentStep(progress).startedAtMs;
  if (since === null || nowMs - since < SILENCE_AFTER_MS) return null;
  return nowMs - since;
}

/** `onnxruntime-1.31.1-cp313-cp313-manylinux….whl` -> `onnxruntime-1.31.1`: a display name, never a path. */
export function artefactName(file: string, kind: ArtefactKind): string {
  if (kind === 'wheel' || file.endsWith('.whl')) return file.split('-').slice(0, 2).join('-');
  if (kind === 'python') return /^cpython-[0-9.]+/.exec(file)?.[0].replace(/\.$/, '') ?? file;
  if (kind === 'uv') return file.replace(/\.(tar\.gz|zip)$/, '');
  return file;
}
