import type { Emit, SetupStep } from '../core/events.ts';
import { isSourceFailure, joinFailures } from '../network/errors/joined-failures.ts';
import { NetworkFailure } from '../network/errors/network-failure.ts';
import { pause, retryDelayMs } from '../network/errors/retry.ts';
import type { FoundFile, PackageIndex } from '../network/index/package-index.ts';
import type { NetworkProfile } from '../network/settings/profile.ts';
import type { HttpClient } from '../network/transport/http-client.ts';
import { createPacer, type Pacer, paceWindowOf } from '../network/transport/pace.ts';
import type { Artefact } from '../shipped/lock.ts';
import { inParallel } from '../support/async/in-parallel.ts';
import { raceAbort } from '../support/async/race-abort.ts';
import { SetupError, throwIfCancelled } from '../support/errors.ts';
import { USE_PYTHON_MIRROR, USE_SYSTEM_PYTHON } from '../support/remedies.ts';
import { formatBytes, formatDuration } from '../support/text/format.ts';
import { type ArtefactSource, NoSourceError } from './sources.ts';
import { arrival } from './stock.ts';
import { type ArtefactStore, DigestMismatchError } from './store.ts';
import { type TransferResult, transfer } from './transfer.ts';

/** In total; the client limits connections to four per host. */
const CONCURRENCY = 8;
const PROGRESS_INTERVAL_MS = 100;
/**
 * An attempt that received this much counts as progress and resets the failure count: a bad line is no reason
 * to give up.
 */
const WORTHWHILE_BYTES = 64 * 1024;

export interface FetchOptions {
  artefacts: readonly Artefact[];
  store: ArtefactStore;
  client: HttpClient;
  profile: NetworkProfile;
  /** In the order they are tried. */
  sourcesOf: (artefact: Artefact) => readonly ArtefactSource[];
  /** Pages already read while planning are not requested again. */
  index: PackageIndex;
  signal?: AbortSignal;
  emit: Emit;
  step?: SetupStep;
  concurrency?: number;
  /**
   * The caller has another source for these files as a whole, so the last source here is not the last resort.
   */
  hasNextSource?: boolean;
  /** Smaller files are not synced: the caller does it, see `PutOptions`. */
  durableFromBytes?: number;
  /** Scales the delay between attempts; 0 in tests. */
  delayFactor?: number;
  /** See `createPacer`. */
  paceWindowMs?: number;
}

/**
 * Downloads artefacts that are missing from the store, in order, each verified and from the first source that
 * has the right bytes. An artefact with no source left aborts the others.
 * @param options.artefacts see `takeStock`.
 * @returns bytes received and kept.
 * @throws SetupError naming each source and why it failed, of class verification when one sent different
 * bytes; CancelledError.
 */
export async function fetchMissing(options: FetchOptions): Promise<{ downloadedBytes: number }> {
  const { signal, step = 'fetch' } = options;
  const pacer = createPacer(options.paceWindowMs ?? paceWindowOf(options.profile));
  const run = { ...options, step, pacer, noted: new Set<string>() };
  let downloadedBytes = 0;
  await inParallel(options.artefacts, options.concurrency ?? CONCURRENCY, signal, async (artefact, stop) => {
    const sizeBytes = await fetchOne({ ...run, signal: stop }, artefact);
    downloadedBytes += sizeBytes;
  });
  return { downloadedBytes };
}

interface FetchRun extends FetchOptions {
  pacer: Pacer;
  step: SetupStep;
  signal: AbortSignal;
  /** Messages already sent. */
  noted: Set<string>;
}

/** Tries the sources in order. @returns bytes fetched. */
async function fetchOne(run: FetchRun, artefact: Artefact): Promise<number> {
  const { store } = run;
  const sources = run.sourcesOf(artefact);
  if (sources.length === 0) throw new NoSourceError(artefact.file);
  const hereBytes = (await store.partial(artefact))?.sizeBytes ?? 0;
  if (hereBytes > 0 && hereBytes === artefact.sizeBytes && (await isComplete(run, artefact))) return 0;
  const failures: SetupError[] = [];
  for (const [position, source] of sources.entries()) {
    const isLastSource = position === sources.length - 1;
    const outcome = await trySource(run, artefact, source, isLastSource && !run.hasNextSource);
    if (!(outcome instanceof SetupError)) {
      // Exclude bytes from an earlier run; those from an earlier attempt in this run count.
      return outcome.sizeBytes - Math.min(hereBytes, outcome.keptBytes);
    }
    failures.push(outcome);
    if (!isLastSource) noteLost(run, outcome);
  }
  // A Python is the one artefact that this machine may have already.
  const remedies = artefact.kind === 'python' ? [USE_SYSTEM_PYTHON, USE_PYTHON_MIRROR] : [];
  throw joinFailures(`${artefact.file} could not be fetched from any source.`, failures, { remedies });
}

/** Killed between the last byte and verification: the file is complete, and no request is needed. */
async function isComplete(run: FetchRun, artefact: Artefact): Promise<boolean> {
  try {
    const startBytes = artefact.sizeBytes!;
    await run.store.put(artefact, noBytes(), {
      startBytes,
      signal: run.signal,
      isDurable: isDurable(run, artefact),
    });
  } catch (error) {
    if (error instanceof DigestMismatchError) return false;
    throw error;
  }
  const sizeBytes = await run.store.sizeOf(artefact);
  run.emit(arrival(run.step, artefact, { sizeBytes, place: 'store', isCached: true }));
  return true;
}

function isDurable({ durableFromBytes = 0 }: FetchRun, { sizeBytes }: Artefact): boolean {
  return sizeBytes === null || sizeBytes >= durableFromBytes;
}

async function* noBytes(): AsyncIterable<Uint8Array> {}

/** Retries a source as long as it is worthwhile. @returns the final failure when the source is given up. */
async function trySource(
  run: FetchRun,
  artefact: Artefact,
  source: ArtefactSource,
  isLastSource: boolean,
): Promise<TransferResult | SetupError> {
  const { store, signal, profile } = run;
  let failedCount = 0;
  let hereBytes = (await store.partial(artefact))?.sizeBytes ?? 0;
  for (;;) {
    throwIfCancelled(signal);
    const where = await placeOfSource(run, artefact, source).catch((error: unknown) => {
      if (!isSourceFailure(error)) throw error;
      return error;
    });
    try {
      if (where instanceof Error) throw where;
      return await fetchFrom(run, artefact, where.url, isLastSource && !where.isRecorded);
    } catch (error) {
      if (!isSourceFailure(error)) throw error;
      const nowBytes = (await store.partial(artefact))?.sizeBytes ?? 0;
      failedCount = nowBytes - hereBytes >= WORTHWHILE_BYTES ? 1 : failedCount + 1;
      hereBytes = Math.max(hereBytes, nowBytes);
      const delayMs = retryDelayMs(error, failedCount, profile.retries);
      if (delayMs === null && !(where instanceof Error) && where.isRecorded) {
        run.index.forgetRecorded(artefact.sha256);
        note(run, 'info', `${error.message} Asking the index where ${artefact.file} is.`);
        failedCount = 0;
        continue;
      }
      if (delayMs === null) return error;
      const wait = delayMs * (run.delayFactor ?? 1);
      const rest = nowBytes > 0 ? `; ${formatBytes(nowBytes)} received` : '';
      note(run, 'info', `${error.message} Trying ${artefact.file} again in ${formatDuration(wait)}${rest}.`);
      await pause(wait, signal);
    }
  }
}

/**
 * Says once why a source was given up. Except when it simply lacks the file: with several sources that is
 * normal.
 */
function noteLost(run: FetchRun, failure: SetupError): void {
  if (failure instanceof NetworkFailure && failure.reason === 'not-found') return;
  if (run.noted.has(failure.message)) return;
  run.noted.add(failure.message);
  const level = failure.failureClass === 'verification' ? 'warning' : 'info';
  note(run, level, `${failure.message} Trying the next source.`);
}

async function fetchFrom(
  run: FetchRun,
  artefact: Artefact,
  url: string,
  isLastSource: boolean,
): Promise<TransferResult> {
  const { client, store, emit, step, signal } = run;
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  const result = await transfer({
    store,
    client,
    artefact,
    url,
    signal,
    isLastSource,
    pacer: run.pacer,
    isDurable: isDurable(run, artefact),
    onNote: (text) => note(run, 'info', text),
    onBytes(doneBytes, totalBytes) {
      const nowMs = performance.now();
      if (nowMs - reportedAtMs < PROGRESS_INTERVAL_MS && doneBytes !== totalBytes) return;
      reportedAtMs = nowMs;
      const { file, kind } = artefact;
      emit({ type: 'bytes', step, file, artefactKind: kind, doneBytes, totalBytes });
    },
  });
  const { sizeBytes, place } = result;
  emit(arrival(step, artefact, { sizeBytes, place, isCached: false }));
  return result;
}

async function placeOfSource(
  run: FetchRun,
  artefact: Artefact,
  source: ArtefactSource,
): Promise<Pick<FoundFile, 'url' | 'isRecorded'>> {
  if (source.kind === 'url') return { url: source.url, isRecorded: false };
  const page = run.index.findIn(source.location, { ...artefact, project: source.project });
  return raceAbort(page, run.signal);
}

function note(run: FetchRun, level: 'info' | 'warning', text: string): void {
  run.emit({ type: 'note', step: run.step, level, text });
}
