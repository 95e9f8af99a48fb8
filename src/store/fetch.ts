import { dirname } from 'node:path';
import { placeOf } from '../network/address.ts';
import { type HttpClient, requireOk } from '../network/http-client.ts';
import { NetworkFailure } from '../network/network-failure.ts';
import { createPackageIndex, joinFailures, type PackageIndex } from '../network/package-index.ts';
import type { NetworkProfile } from '../network/profile.ts';
import type { Artefact } from '../runtime/lock.ts';
import { CancelledError, SetupError, throwIfCancelled } from '../support/errors.ts';
import type { Emit, SetupStep } from '../support/events.ts';
import { type ArtefactSource, type ReleaseNumbers, sourcesFor } from './sources.ts';
import { type ArtefactStore, DigestMismatchError } from './store.ts';

/** In all; the client allows four of them to one host. */
const CONCURRENCY = 8;
/** Two are enough for the disk, and hashing keeps a core busy. */
const HASH_CONCURRENCY = 2;
const PROGRESS_INTERVAL_MS = 100;
const ATTEMPTS_PER_SOURCE = 2;

export interface FetchOptions {
  artefacts: readonly Artefact[];
  store: ArtefactStore;
  client: HttpClient;
  profile: NetworkProfile;
  /** Needed when a Python or an archive of uv is among the artefacts. */
  releases?: ReleaseNumbers;
  /** Replaces `sourcesFor`, for instance for models. */
  sourcesOf?: (artefact: Artefact) => readonly ArtefactSource[];
  /** Pages that were read while planning are not asked for again. Absent: one for this call. */
  index?: PackageIndex;
  signal?: AbortSignal;
  emit: Emit;
  step?: SetupStep;
  concurrency?: number;
}

/**
 * Brings every artefact into the store, verified: what is there is hashed, what is not is fetched from the first source that has the
 * right bytes, largest first. The first artefact with no source left ends the others.
 * @returns bytes that arrived and were kept.
 * @throws SetupError naming each source and why it lost, of class verification when one sent other bytes; CancelledError.
 */
export async function fetchArtefacts(options: FetchOptions): Promise<{ downloadedBytes: number }> {
  const { signal } = options;
  throwIfCancelled(signal);
  const stop = new AbortController();
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const run: FetchRun = {
    ...options,
    step: options.step ?? 'fetch',
    signal: either,
    index: options.index ?? createPackageIndex(options.client, options.profile, either),
    noted: new Set(),
  };
  let firstError: unknown;
  const guarded =
    <T>(task: (artefact: Artefact) => Promise<T>) =>
    async (artefact: Artefact): Promise<T | null> => {
      try {
        return await task(artefact);
      } catch (error) {
        // What the others die of after this one is only its echo.
        firstError ??= error;
        stop.abort();
        return null;
      }
    };
  const finish = () => {
    throwIfCancelled(signal);
    if (firstError) throw firstError;
  };

  const missing: Artefact[] = [];
  await inParallel(
    uniqueBySize(options.artefacts),
    HASH_CONCURRENCY,
    either,
    guarded(async (artefact) => {
      if (!(await isInStore(run, artefact))) missing.push(artefact);
    }),
  );
  finish();
  let downloadedBytes = 0;
  await inParallel(
    uniqueBySize(missing),
    options.concurrency ?? CONCURRENCY,
    either,
    guarded(async (artefact) => {
      const sizeBytes = await fetchOne(run, artefact);
      downloadedBytes += sizeBytes;
    }),
  );
  finish();
  return { downloadedBytes };
}

interface FetchRun extends FetchOptions {
  step: SetupStep;
  signal: AbortSignal;
  index: PackageIndex;
  /** Messages that were said already. */
  noted: Set<string>;
}

async function isInStore(run: FetchRun, artefact: Artefact): Promise<boolean> {
  const { store, emit, step } = run;
  const state = await store.verify(artefact, run.signal);
  if (state === 'ok') {
    emit({
      type: 'artefact',
      step,
      file: artefact.file,
      artefactKind: artefact.kind,
      sha256: artefact.sha256,
      sizeBytes: await store.sizeOf(artefact),
      place: 'store',
      isCached: true,
    });
    return true;
  }
  if (state === 'altered') {
    await store.remove(artefact);
    emit({
      type: 'note',
      step,
      level: 'warning',
      text: `${artefact.file} in the store had been altered; it was removed and is fetched again.`,
    });
  }
  return false;
}

/** Tries the sources in order. @returns bytes fetched. */
async function fetchOne(run: FetchRun, artefact: Artefact): Promise<number> {
  const sources = (run.sourcesOf ?? ((each) => sourcesFor(each, run.profile, run.releases ?? {})))(artefact);
  const failures: SetupError[] = [];
  for (const source of sources) {
    for (let attempt = 1; ; attempt++) {
      throwIfCancelled(run.signal);
      try {
        return await fetchFrom(run, artefact, source);
      } catch (error) {
        if (!isSourceFailure(error)) throw error;
        const isWorthAnother =
          error instanceof NetworkFailure && error.isTransient && attempt < ATTEMPTS_PER_SOURCE;
        if (isWorthAnother) continue;
        failures.push(error);
        break;
      }
    }
    if (failures.length < sources.length) noteLost(run, failures.at(-1)!);
  }
  if (sources.length === 0) {
    throw new SetupError(`There is no place to fetch ${artefact.file} from.`, {
      failureClass: 'network',
      evidence: ['No package index and no find-links are set.'],
      nextSteps: ['Name an index: ktx setup --index-url <url>'],
    });
  }
  throw joinFailures(`${artefact.file} could not be fetched from any source.`, failures);
}

/** Says once why a source lost. That one of several does not have a file is how it should be, and no news. */
function noteLost(run: FetchRun, failure: SetupError): void {
  if (failure instanceof NetworkFailure && failure.reason === 'not-found') return;
  if (run.noted.has(failure.message)) return;
  run.noted.add(failure.message);
  run.emit({
    type: 'note',
    step: run.step,
    level: failure.failureClass === 'verification' ? 'warning' : 'info',
    text: `${failure.message} The next source is tried.`,
  });
}

/** Failures of the source, as opposed to those of this machine (disk, permission) and of the user (cancelled). */
function isSourceFailure(error: unknown): error is SetupError {
  return (
    error instanceof SetupError && (error.failureClass === 'network' || error.failureClass === 'verification')
  );
}

async function fetchFrom(run: FetchRun, artefact: Artefact, source: ArtefactSource): Promise<number> {
  const { client, store, emit, step, signal } = run;
  const url =
    source.kind === 'url'
      ? source.url
      : (
          await orCancelled(
            run.index.findIn(source.location, source.project, artefact.file, artefact.sha256),
            signal,
          )
        ).url;
  const response = await requireOk(await client.get(url, { signal }));
  const last = response.hops.at(-1) ?? placeOf(response.url);
  const place = response.url.startsWith('file:') ? dirname(last) : last;
  // A sign-in page with status 200 would be reported as altered bytes, which is a far worse thing.
  if (/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) {
    await response.discard();
    throw new NetworkFailure('not-a-file', { host: place, detail: `file: ${artefact.file}` });
  }
  const contentLength = Number(response.headers.get('content-length'));
  const totalBytes = artefact.sizeBytes ?? (contentLength > 0 ? contentLength : null);
  const report = (doneBytes: number) =>
    emit({
      type: 'bytes',
      step,
      file: artefact.file,
      artefactKind: artefact.kind,
      doneBytes,
      totalBytes,
    });
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  let sizeBytes: number;
  try {
    sizeBytes = await store.put(artefact, response.body, {
      signal,
      onBytes(doneBytes) {
        const nowMs = performance.now();
        if (nowMs - reportedAtMs < PROGRESS_INTERVAL_MS) return;
        reportedAtMs = nowMs;
        report(doneBytes);
      },
    });
  } catch (error) {
    if (error instanceof DigestMismatchError) throw mismatchFailure(artefact, place, error);
    throw error;
  }
  report(sizeBytes);
  emit({
    type: 'artefact',
    step,
    file: artefact.file,
    artefactKind: artefact.kind,
    sha256: artefact.sha256,
    sizeBytes,
    place,
    isCached: false,
  });
  return sizeBytes;
}

function mismatchFailure(artefact: Artefact, place: string, mismatch: DigestMismatchError): SetupError {
  const isLonger = artefact.sizeBytes !== null && mismatch.sizeBytes > artefact.sizeBytes;
  return new SetupError(`${place} sent another ${artefact.file} than the one that ktx was released with.`, {
    failureClass: 'verification',
    evidence: [
      `host: ${place}`,
      `file: ${artefact.file}`,
      `expected sha256 ${mismatch.expected}${artefact.sizeBytes === null ? '' : ` (${artefact.sizeBytes} bytes)`}`,
      isLonger
        ? `found more than ${artefact.sizeBytes} bytes, sha256 of the first ${mismatch.sizeBytes}: ${mismatch.actual}`
        : `found sha256 ${mismatch.actual} (${mismatch.sizeBytes} bytes)`,
    ],
    nextSteps: [
      `Do not use that file. Ask the people who run ${place} why it differs.`,
      'Use another index or mirror: ktx setup --index-url <url>',
    ],
  });
}

/** Each digest once, largest first, unknown sizes before all: the long ones must not start last. */
function uniqueBySize(artefacts: readonly Artefact[]): Artefact[] {
  const unique = new Map(artefacts.map((artefact) => [artefact.sha256, artefact]));
  const size = (artefact: Artefact) => artefact.sizeBytes ?? Number.POSITIVE_INFINITY;
  return [...unique.values()].sort((a, b) => (size(a) === size(b) ? 0 : size(b) - size(a)));
}

/** Lets go of something shared that goes on for others: a page that the plan has begun to read. */
function orCancelled<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = () => reject(new CancelledError());
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', cancel));
  });
}

/** Runs a task for each item, so many at a time, and starts none after the signal. The task must not reject. */
async function inParallel<T>(
  items: readonly T[],
  width: number,
  signal: AbortSignal,
  task: (item: T) => Promise<unknown>,
): Promise<void> {
  const waiting = items.values();
  const work = async () => {
    for (const item of waiting) {
      if (signal.aborted) return;
      await task(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
}
