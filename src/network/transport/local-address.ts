import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineLimit } from '../../failure/causes/machine-failure.ts';
import { errorMessage, isAbsence, type SetupError } from '../../support/errors.ts';
import { openRegularFile } from '../../support/fs/regular-file.ts';
import { NetworkFailure } from '../errors/network-failure.ts';
import { type HttpResponse, textOf } from './http-response.ts';

const READ_SIZE_BYTES = 256 * 1024;

/**
 * Answers a `file:` address like a web server: for a folder its `index.html`, else a page that links its
 * files; a missing path is a 404. No egress.
 * @throws NetworkFailure (reason `file`) when it exists but cannot be read; SetupError when this machine is
 * at a limit.
 */
export async function openLocalAddress(address: string): Promise<HttpResponse> {
  let path = address;
  try {
    path = fileURLToPath(address);
    const status = await stat(path);
    if (!status.isDirectory()) return await fileResponse(path, new URL(address));
    const base = new URL(address);
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    const index = join(path, 'index.html');
    const indexStatus = await stat(index).catch(() => null);
    if (indexStatus?.isFile()) return await fileResponse(index, base, path);
    const page = listingPage(await readdir(path, { withFileTypes: true }));
    return response(200, base, path, { 'content-type': 'text/html' }, oneChunk(Buffer.from(page)));
  } catch (error) {
    if (isAbsence(error)) return response(404, new URL(address), path, {}, oneChunk(Buffer.alloc(0)));
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): SetupError {
  return (
    machineLimit(error) ??
    new NetworkFailure('file', { host: path, detail: errorMessage(error), cause: error })
  );
}

async function fileResponse(path: string, url: URL, place = path): Promise<HttpResponse> {
  const type = /\.html?$/i.test(path)
    ? 'text/html'
    : /\.json$/i.test(path)
      ? 'application/vnd.pypi.simple.v1+json'
      : 'application/octet-stream';
  const handle = await openRegularFile(path, { maxBytes: Number.POSITIVE_INFINITY, links: 'follow' });
  const { size } = await handle.stat();
  const stream = handle.createReadStream({ highWaterMark: READ_SIZE_BYTES });
  // An unread response must not crash the process.
  stream.on('error', () => {});
  const body = (async function* () {
    try {
      yield* stream as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw unreadable(path, error);
    }
  })();
  return {
    ...response(200, url, place, { 'content-type': type, 'content-length': String(size) }, body),
    discard: async () => void stream.destroy(),
  };
}

function response(
  status: number,
  url: URL,
  place: string,
  headers: Record<string, string>,
  body: AsyncIterable<Uint8Array>,
): HttpResponse {
  return {
    status,
    reasonPhrase: '',
    hasLogin: false,
    redact: (text) => text,
    url: url.href,
    hops: [place],
    headers: new Map(Object.entries(headers)),
    body,
    text: (maxBytes) => textOf(body, maxBytes, place),
    discard: async () => {},
  };
}

async function* oneChunk(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}

function listingPage(entries: readonly { name: string; isDirectory(): boolean }[]): string {
  const links = entries.map((entry) => {
    const name = entry.isDirectory() ? `${entry.name}/` : entry.name;
    return `<a href="./${encodeURIComponent(entry.name)}${entry.isDirectory() ? '/' : ''}">${name.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)}</a>`;
  });
  return `<!DOCTYPE html><meta name="pypi:repository-version" content="1.0"><title>Links</title>${links.join('\n')}`;
}
