import type { Transform } from 'node:stream';
import { CancelledError } from '../../support/errors.ts';
import { placeOf } from '../address/address.ts';
import { authenticationSchemes } from '../errors/authentication-schemes.ts';
import { NetworkFailure, reasonOfStatus } from '../errors/network-failure.ts';

export interface HttpResponse {
  status: number;
  /** The server's own reason phrase; empty for `file:`. */
  reasonPhrase: string;
  /** The request carried a login. */
  hasLogin: boolean;
  /** The final address after redirects, without login. */
  url: string;
  /** Hosts from the first to the last; the path of a folder for `file:`. */
  hops: string[];
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  /** Read it once, or call `discard()`. Rejects with NetworkFailure or CancelledError. */
  body: AsyncIterable<Uint8Array>;
  /** The body as text. @throws NetworkFailure when it is longer than `maxBytes`. */
  text(maxBytes: number): Promise<string>;
  discard(): Promise<void>;
  /** Masks the secrets of this run in the host's words. */
  redact(text: string): string;
}

/**
 * Rejects every response other than a success, with an error that names the host and quotes it. Discards the
 * body in that case.
 * @throws NetworkFailure
 */
export async function requireOk(response: HttpResponse): Promise<HttpResponse> {
  if (response.status >= 200 && response.status < 300) return response;
  throw await failureOfAnswer(response);
}

/** The failure for a response with an error status. Reads and discards the body. */
export async function failureOfAnswer(response: HttpResponse): Promise<NetworkFailure> {
  const host = response.hops.at(-1) ?? placeOf(response.url);
  const via = response.hops[0];
  const { errorWords } = await import('../errors/error-words.ts');
  const says = response.redact(await errorWords(response));
  const schemes = authenticationSchemes(response.headers.get('www-authenticate') ?? '');
  const isBasic = schemes.length === 0 || schemes.includes('Basic');
  return new NetworkFailure(reasonOfStatus(response.status), {
    host,
    ...(via !== undefined && via !== host ? { via } : {}),
    status: response.status,
    url: withoutQuery(response.url),
    hasLogin: response.hasLogin,
    ...(says ? { says } : {}),
    ...(response.status === 401 && !isBasic ? { schemes } : {}),
    ...retryAfterOf(response.headers.get('retry-after'), Date.now()),
  });
}

/** Whether these first bytes are a web page: no archive or wheel starts with `<`. */
export function looksLikePage(start: Uint8Array): boolean {
  return /^(?:\xEF\xBB\xBF)?\s*</.test(Buffer.from(start.subarray(0, 256)).toString('latin1'));
}

/** A query may carry a signature or a token. */
function withoutQuery(address: string): string {
  const url = new URL(address);
  return `${url.origin === 'null' ? 'file://' : url.origin}${url.pathname}`;
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterOf(header: string | undefined, nowMs: number): { retryAfterMs?: number } {
  if (header === undefined) return {};
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? { retryAfterMs: Math.max(0, ms) } : {};
}

/** Decodes the `Content-Encoding` of a body. */
export async function* decoded(
  wire: AsyncIterable<Uint8Array>,
  encoding: string,
  failure: (error: unknown) => Error,
): AsyncIterable<Uint8Array> {
  if (encoding === 'identity' || encoding === '') {
    yield* wire;
    return;
  }
  const [{ Readable }, zlib] = await Promise.all([import('node:stream'), import('node:zlib')]);
  const { start, whole } = await withStart(wire);
  const source = Readable.from(whole, { objectMode: false });
  const decoder = decoderFor(encoding, start, zlib);
  source.once('error', (error) => decoder.destroy(error));
  try {
    for await (const chunk of source.pipe(decoder)) yield chunk as Uint8Array;
  } catch (error) {
    throw error instanceof CancelledError ? error : failure(error);
  } finally {
    source.destroy();
  }
}

function decoderFor(encoding: string, start: Buffer, zlib: typeof import('node:zlib')): Transform {
  switch (encoding) {
    case 'br':
      return zlib.createBrotliDecompress();
    case 'zstd':
      return zlib.createZstdDecompress();
    case 'deflate':
      return isZlib(start) ? zlib.createInflate() : zlib.createInflateRaw();
    default:
      return zlib.createGunzip();
  }
}

/** Some servers send the bare format as `deflate`, without the header of zlib (RFC 1950, 2.2). */
function isZlib(start: Buffer): boolean {
  return start.length < 2 || ((start[0]! & 0x0f) === 8 && start.readUInt16BE(0) % 31 === 0);
}

/** The same bytes, and the first two of them. */
async function withStart(wire: AsyncIterable<Uint8Array>) {
  const chunks = wire[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < 2) {
    const { done, value } = await chunks.next();
    if (done) break;
    start = Buffer.concat([start, value]);
  }
  async function* whole() {
    try {
      yield start;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  }
  return { start, whole: whole() };
}

/** Reads a whole body as UTF-8. @throws NetworkFailure when it exceeds `maxBytes`. */
export async function textOf(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  host: string,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes)
      throw new NetworkFailure('unknown', { host, detail: `the answer is longer than ${maxBytes} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
