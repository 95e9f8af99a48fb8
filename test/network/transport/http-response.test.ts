import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  decoded,
  failureOfAnswer,
  type HttpResponse,
  looksLikePage,
  requireOk,
  retryAfterOf,
  textOf,
} from '../../../src/network/transport/http-response.ts';
import { CancelledError } from '../../../src/support/errors.ts';

async function* chunksOf(...chunks: (string | Uint8Array)[]): AsyncIterable<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk as string);
}

function answer(more: Partial<HttpResponse> & { fields?: Record<string, string> } = {}): HttpResponse {
  const { fields = {}, ...rest } = more;
  return {
    status: 403,
    reasonPhrase: '',
    hasLogin: false,
    url: 'https://files.example/a/b.whl?token=secret#part',
    hops: ['files.example'],
    headers: new Map(Object.entries(fields)),
    body: chunksOf(),
    text: async () => '',
    discard: async () => {},
    redact: (text) => text.replaceAll('secret', '****'),
    ...rest,
  };
}

describe('requireOk', () => {
  it.each([200, 204, 299])('passes %i through', async (status) => {
    const response = answer({ status });
    expect(await requireOk(response)).toBe(response);
  });

  it.each([199, 300, 304, 404, 500])('refuses %i', async (status) => {
    await expect(requireOk(answer({ status }))).rejects.toMatchObject({ status });
  });
});

describe('the failure of an answer', () => {
  it('names the host that answered, and the one that led there when it is another', async () => {
    expect(await failureOfAnswer(answer())).toMatchObject({ host: 'files.example', via: null });
    const redirected = answer({ hops: ['index.example', 'files.example'] });
    expect(await failureOfAnswer(redirected)).toMatchObject({ host: 'files.example', via: 'index.example' });
    expect(await failureOfAnswer(answer({ hops: [] }))).toMatchObject({ host: 'files.example', via: null });
  });

  it('quotes the host, without its secrets, and the address without its query', async () => {
    const failure = await failureOfAnswer(
      answer({ fields: { 'content-type': 'text/plain' }, body: chunksOf('the secret is old') }),
    );
    const shown = [failure.message, ...failure.evidence].join('\n');
    expect(shown).toContain('the **** is old');
    expect(shown).toContain('https://files.example/a/b.whl');
    expect(shown).not.toMatch(/token|#part/);
  });

  it.each([
    [401, 'Negotiate', ['Negotiate']],
    [401, 'NTLM, Negotiate', ['Negotiate', 'NTLM']],
    [401, 'Basic realm="x", Negotiate', []],
    [401, '', []],
    [403, 'Negotiate', []],
  ])('%i that asks for %j names the schemes that ktx cannot use: %j', async (status, header, schemes) => {
    const failure = await failureOfAnswer(answer({ status, fields: { 'www-authenticate': header } }));
    const shown = [failure.message, ...failure.evidence].join('\n');
    for (const scheme of ['Basic', 'NTLM', 'Negotiate'])
      expect([scheme, shown.includes(scheme)]).toEqual([scheme, schemes.includes(scheme)]);
  });

  it('knows when to ask again', async () => {
    const failure = await failureOfAnswer(answer({ status: 503, fields: { 'retry-after': '7' } }));
    expect(failure.retryAfterMs).toBe(7000);
    expect((await failureOfAnswer(answer({ status: 503 }))).retryAfterMs).toBeNull();
  });
});

it.each([
  [undefined, {}],
  ['0', { retryAfterMs: 0 }],
  [' 12 ', { retryAfterMs: 12_000 }],
  ['Thu, 01 Jan 1970 00:01:00 GMT', { retryAfterMs: 50_000 }],
  ['Thu, 01 Jan 1970 00:00:01 GMT', { retryAfterMs: 0 }],
  ['soon', {}],
  ['1 minute', {}],
  ['-5 seconds', {}],
])('Retry-After: %s is %j at ten seconds past the epoch', (header, expected) => {
  expect(retryAfterOf(header, 10_000)).toEqual(expected);
});

it.each([
  ['<!DOCTYPE html>', true],
  [' \r\n\t<html>', true],
  ['\uFEFF<html>', true],
  ['PK\u0003\u0004<', false],
  ['text, then <html>', false],
  ['', false],
  [`${' '.repeat(255)}<`, true],
  [`${' '.repeat(256)}<`, false],
])('%j is a page: %s', (start, expected) => {
  expect(looksLikePage(Buffer.from(start))).toBe(expected);
});

describe('a body with an encoding', () => {
  const PAGE = 'a page, '.repeat(50);
  const all = async (body: AsyncIterable<Uint8Array>) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const failed = (error: unknown) => new Error('failed', { cause: error });
  /** As one, and byte by byte. */
  const ways = (bytes: Buffer) => [
    chunksOf(bytes),
    chunksOf(...Array.from(bytes, (byte) => Buffer.of(byte))),
  ];

  it.each([
    ['identity', (bytes: Buffer) => bytes],
    ['', (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ])('%s is decoded however it is cut', async (encoding, encode) => {
    for (const wire of ways(Buffer.from(encode(Buffer.from(PAGE)))))
      expect(await all(decoded(wire, encoding, failed))).toBe(PAGE);
  });

  it.each(['gzip', 'br', 'deflate', 'zstd'])('what is no %s fails as the caller says', async (encoding) => {
    await expect(all(decoded(chunksOf('no such thing'), encoding, failed))).rejects.toThrow('failed');
  });

  it.each(['gzip', 'deflate'])('a body of %s without a byte does not hang', async (encoding) => {
    for (const wire of [chunksOf(), chunksOf('x')])
      await all(decoded(wire, encoding, failed)).catch((error: Error) =>
        expect(error.message).toBe('failed'),
      );
  });

  it('an error of the connection is passed to the caller, and a cancellation stays one', async () => {
    const broken = (error: Error) =>
      (async function* () {
        yield gzipSync(PAGE).subarray(0, 20);
        throw error;
      })();
    const cut = new Error('cut');
    await expect(all(decoded(broken(cut), 'gzip', failed))).rejects.toMatchObject({ cause: cut });
    const cancelled = new CancelledError();
    await expect(all(decoded(broken(cancelled), 'gzip', failed))).rejects.toBe(cancelled);
  });

  it('a reader that stops ends the connection', async () => {
    let isEnded = false;
    const wire = (async function* () {
      try {
        for (;;) yield gzipSync(Buffer.from(crypto.getRandomValues(new Uint8Array(50_000))));
      } finally {
        isEnded = true;
      }
    })();
    for await (const _ of decoded(wire, 'gzip', failed)) break;
    await new Promise((resolve) => setImmediate(resolve));
    expect(isEnded).toBe(true);
  });
});

it('a text is read up to its limit, and refused one byte above', async () => {
  expect(await textOf(chunksOf('äb', 'c'), 4, 'a.example')).toBe('äbc');
  await expect(textOf(chunksOf('äb', 'c'), 3, 'a.example')).rejects.toMatchObject({
    host: 'a.example',
    evidence: ['host: a.example', 'the answer is longer than 3 bytes'],
  });
});
