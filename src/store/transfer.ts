import { dirname } from 'node:path';
import { placeOf } from '../network/address/address.ts';
import { NetworkFailure } from '../network/errors/network-failure.ts';
import type { GetOptions, HttpClient, HttpResponse } from '../network/transport/http-client.ts';
import { looksLikePage, requireOk } from '../network/transport/http-response.ts';
import type { Pacer } from '../network/transport/pace.ts';
import type { Artefact } from '../shipped/lock.ts';
import { SetupError } from '../support/errors.ts';
import { askTheOwner, USE_INDEX } from '../support/remedies.ts';
import { formatBytes, formatDuration } from '../support/text/format.ts';
import type { PartialFile, PartialOrigin } from './partial.ts';
import { type ArtefactStore, DigestMismatchError, maxBytesOf } from './store.ts';

export interface TransferOptions {
  store: ArtefactStore;
  client: HttpClient;
  artefact: Artefact;
  url: string;
  signal: AbortSignal;
  onBytes: (doneBytes: number, totalBytes: number | null) => void;
  /** A message for people reading the log. */
  onNote: (text: string) => void;
  /** A source that is too slow is given up if there is another; the last one only gets a note. */
  isLastSource: boolean;
  pacer: Pacer;
  /** See `PutOptions`. */
  isDurable: boolean;
}

export interface TransferResult {
  sizeBytes: number;
  /** Bytes that were already here and were not sent again. */
  keptBytes: number;
  /** Host or folder. */
  place: string;
}

/**
 * One attempt to download one artefact from one URL into the store. Resumes where an earlier attempt or run
 * broke off, whichever host sent that part: the digest of the whole file decides. If the digest is wrong
 * after resuming, the file is downloaded once more from the start, since the old part may be at fault.
 * @throws NetworkFailure (keeps the partial file), SetupError of class verification (deletes it),
 * CancelledError (keeps it).
 */
export async function transfer(options: TransferOptions): Promise<TransferResult> {
  const { store, artefact, url } = options;
  const partial = url.startsWith('file:') ? null : await store.partial(artefact);
  if (partial) {
    const result = await continueTransfer(options, partial);
    if (result) return result;
    await store.discardPartial(artefact);
  }
  const response = await ask(options, {});
  if (response.status === 206) {
    await response.discard();
    throw new NetworkFailure('protocol', {
      host: placeOfResponse(response),
      detail: 'it sent a part instead of the whole file',
    });
  }
  return receive(options, response, 0);
}

/** Fetches the rest of a partial file; `null` when it must be downloaded from the start. */
async function continueTransfer(
  options: TransferOptions,
  partial: PartialFile,
): Promise<TransferResult | null> {
  const { artefact, onNote } = options;
  const { sizeBytes, origin } = partial;
  const response = await ask(options, { range: `bytes=${sizeBytes}-`, ...conditionOf(origin, options.url) });
  const host = placeOfResponse(response);
  if (response.status === 416) {
    await response.discard();
    onNote(`${host} has no more of ${artefact.file} than is here; downloading it from the start.`);
    return null;
  }
  if (response.status !== 206) {
    const { etag } = originOf(response);
    const hasChanged = origin?.host === host && origin.etag !== null && etag !== null && etag !== origin.etag;
    onNote(
      hasChanged
        ? `${artefact.file} has changed at ${host} since the last attempt; downloading it from the start.`
        : `${host} cannot resume ${artefact.file}; downloading it from the start.`,
    );
    return receive(options, response, 0);
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  const isOtherFile =
    artefact.sizeBytes !== null && range?.[2] !== '*' && Number(range?.[2]) !== artefact.sizeBytes;
  if (Number(range?.[1]) !== sizeBytes || isOtherFile) {
    await response.discard();
    onNote(
      `${host} answered with another part of ${artefact.file} than was asked for; downloading it from the start.`,
    );
    return null;
  }
  try {
    onNote(`${artefact.file} resumes at ${formatBytes(sizeBytes)} from ${host}.`);
    return await receive(options, response, sizeBytes);
  } catch (error) {
    if (!(error instanceof SetupError) || error.failureClass !== 'verification') throw error;
    onNote(`The parts of ${artefact.file} do not fit together; downloading it from the start.`);
    return null;
  }
}

async function ask(options: TransferOptions, headers: Record<string, string>): Promise<HttpResponse> {
  const request: GetOptions = { signal: options.signal, headers };
  const response = await options.client.get(options.url, request);
  if (response.status === 416 && headers['range']) return response;
  await requireOk(response);
  if (!/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) return response;
  // Some servers label every file as a web page, so look at the content. A sign-in page with status 200 would
  // otherwise be reported as altered bytes, which sounds far more alarming.
  const { first, body } = await peeked(response.body);
  if (first === null || !looksLikePage(first)) return { ...response, body };
  await response.discard();
  throw new NetworkFailure('not-a-file', {
    host: placeOfResponse(response),
    detail: `file: ${options.artefact.file}`,
  });
}

/** The first bytes of a body, and the complete body. */
async function peeked(
  body: AsyncIterable<Uint8Array>,
): Promise<{ first: Uint8Array | null; body: AsyncIterable<Uint8Array> }> {
  const chunks = body[Symbol.asyncIterator]();
  let next = await chunks.next();
  while (next.done !== true && next.value.byteLength === 0) next = await chunks.next();
  const first = next.done === true ? null : next.value;
  async function* whole() {
    try {
      if (first !== null) yield first;
      yield* { [Symbol.asyncIterator]: () => chunks };
    } finally {
      await chunks.return?.();
    }
  }
  return { first, body: whole() };
}

async function receive(
  options: TransferOptions,
  response: HttpResponse,
  startBytes: number,
): Promise<TransferResult> {
  const { store, artefact, signal } = options;
  const place = placeOfResponse(response);
  const contentLength = Number(response.headers.get('content-length'));
  const totalBytes = artefact.sizeBytes ?? (contentLength > 0 ? startBytes + contentLength : null);
  const origin = originOf(response);
  try {
    const sizeBytes = await store.put(artefact, watched(options, response.body, place), {
      signal,
      startBytes,
      isDurable: options.isDurable,
      ...(response.url.startsWith('file:') ? {} : { origin }),
      onBytes: (doneBytes) => options.onBytes(doneBytes, totalBytes),
    });
    options.onBytes(sizeBytes, totalBytes);
    return { sizeBytes, keptBytes: startBytes, place };
  } catch (error) {
    if (error instanceof DigestMismatchError) throw mismatchFailure(artefact, place, error);
    throw error;
  }
}

/** Ends, or reports, a transfer that barely moves. */
function watched(
  options: TransferOptions,
  body: AsyncIterable<Uint8Array>,
  host: string,
): AsyncIterable<Uint8Array> {
  let hasBeenTold = false;
  return options.pacer.paced(body, (bytes, ms) => {
    const detail = `${formatBytes(bytes)} in ${formatDuration(ms)}`;
    if (!options.isLastSource) throw new NetworkFailure('too-slow', { host, detail });
    if (!hasBeenTold) {
      options.onNote(`${host} is too slow (${detail}); there is no other source, so the download continues.`);
    }
    hasBeenTold = true;
  });
}

/**
 * Only for the host that sent the first part: another mirror may have a different ETag for the same bytes.
 */
function conditionOf(origin: PartialOrigin | null, url: string): Record<string, string> {
  // The host behind redirects is not known before it answers; if it does not recognise the ETag, it sends the
  // whole file.
  return origin?.etag && origin.host === placeOf(url) ? { 'if-range': origin.etag } : {};
}

function originOf(response: HttpResponse): PartialOrigin {
  const etag = response.headers.get('etag') ?? null;
  return { host: placeOfResponse(response), etag: etag?.startsWith('"') ? etag : null };
}

function placeOfResponse(response: HttpResponse): string {
  const last = response.hops.at(-1) ?? placeOf(response.url);
  return response.url.startsWith('file:') ? dirname(last) : last;
}

function mismatchFailure(artefact: Artefact, place: string, mismatch: DigestMismatchError): SetupError {
  const mostBytes = maxBytesOf(artefact);
  const isLonger = mismatch.sizeBytes > mostBytes;
  return new SetupError(`${place} sent another ${artefact.file} than the one that ktx was released with.`, {
    failureClass: 'verification',
    evidence: [
      `host: ${place}`,
      `file: ${artefact.file}`,
      `expected sha256 ${mismatch.expected}${artefact.sizeBytes === null ? '' : ` (${artefact.sizeBytes} bytes)`}`,
      isLonger
        ? `found more than ${mostBytes} bytes, sha256 of the first ${mismatch.sizeBytes}: ${mismatch.actual}`
        : `found sha256 ${mismatch.actual} (${mismatch.sizeBytes} bytes)`,
    ],
    host: place,
    remedies: [askTheOwner(place, `why its ${artefact.file} differs`), USE_INDEX],
  });
}
