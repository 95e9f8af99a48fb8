import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventEmitter, type SetupEvent } from '../../src/core/events.ts';
import type { NetworkProfile } from '../../src/network/settings/profile.ts';
import { createHttpClient } from '../../src/network/transport/http-client.ts';
import type { Artefact } from '../../src/shipped/lock.ts';
import type { FetchOptions } from '../../src/store/fetch.ts';
import { type ArtefactStore, openStore } from '../../src/store/store.ts';
import type { SetupError } from '../../src/support/errors.ts';
import { fetchArtefacts } from '../fixtures/fetch-artefacts.ts';
import { redactor, startServer, testProfile } from '../fixtures/network.ts';

let dir: string;
let store: ArtefactStore;
let events: SetupEvent[];
const cleanUps: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ktx-resume-'));
  store = openStore(join(dir, 'store'));
  events = [];
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await rm(dir, { recursive: true, force: true });
});

const BYTES = Buffer.from(Array.from({ length: 400_000 }, (_, at) => (at * 7 + (at >> 9)) % 251));
const model: Artefact = {
  sha256: createHash('sha256').update(BYTES).digest('hex'),
  file: 'model.bin',
  kind: 'model',
  sizeBytes: BYTES.length,
  unpackedBytes: null,
};

interface FileServerOptions {
  bytes?: Buffer;
  etag?: string | null;
  /** For each request, after how many bytes the connection breaks; missing: never. */
  cuts?: number[];
  answer?: (request: IncomingMessage, response: ServerResponse, count: number) => boolean;
}

/**
 * A server for one file with ranges and conditional requests, like an object store, that breaks off on
 * demand.
 */
async function serveFile(options: FileServerOptions = {}) {
  const { bytes = BYTES, etag = '"one"', cuts = [] } = options;
  let count = 0;
  const sent: number[] = [];
  const server = await startServer((request, response) => {
    count++;
    if (options.answer?.(request, response, count)) return;
    const wanted = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const condition = request.headers['if-range'];
    const from = condition === undefined || condition === etag ? wanted : 0;
    const body = bytes.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': body.length,
      ...(etag ? { etag } : {}),
      ...(from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    const cut = cuts[count - 1];
    sent.push(cut ?? body.length);
    if (cut === undefined) response.end(body);
    else response.write(body.subarray(0, cut), () => response.destroy());
  });
  cleanUps.push(server.close);
  return { ...server, ranges: () => server.requests.map(({ headers }) => headers.range), sent };
}

async function fetchFrom(
  servers: readonly { url: string; host: string }[],
  more: Partial<FetchOptions> = {},
  profile: Partial<NetworkProfile> = {},
) {
  const client = createHttpClient(testProfile(profile), { redactor });
  cleanUps.push(client.close);
  const result = await fetchArtefacts({
    artefacts: [model],
    store,
    client,
    profile: testProfile(profile),
    sourcesOf: () => servers.map(({ url, host }) => ({ kind: 'url', label: host, url: `${url}/model.bin` })),
    emit: eventEmitter((event) => events.push(event)),
    delayFactor: 0,
    ...more,
  });
  return { ...result, egressBytes: client.egress().reduce((sum, { bytes }) => sum + bytes, 0) };
}
const notes = () => events.flatMap((event) => (event.type === 'note' ? [event.text] : [])).join('\n');
const files = async () => (await readdir(store.dir)).sort();

describe('a transfer that broke off', () => {
  it('goes on in the same run, with the condition of the first answer, and reads no byte twice', async () => {
    const server = await serveFile({ cuts: [100_000, 120_000] });
    const { downloadedBytes, egressBytes } = await fetchFrom([server]);
    expect(server.ranges()).toEqual([undefined, 'bytes=100000-', 'bytes=220000-']);
    expect(server.requests[1]?.headers['if-range']).toBe('"one"');
    expect([downloadedBytes, egressBytes]).toEqual([BYTES.length, BYTES.length]);
    expect([await store.verify(model), await files()]).toEqual(['ok', [model.sha256]]);
    expect(notes()).toMatch(
      /closed the connection before the transfer was complete\. Trying model\.bin again/,
    );
    expect(notes()).toContain('resumes at 220 kB');
  });

  it.each([403, 404, 401])(
    'that is answered with %i is no other file: what is here stays',
    async (status) => {
      const refuse = { isOn: true };
      const server = await serveFile({
        cuts: [150_000],
        answer: (request, response) => {
          if (!refuse.isOn || request.headers.range === undefined) return false;
          response.writeHead(status).end();
          return true;
        },
      });
      await expect(fetchFrom([server])).rejects.toMatchObject({ failureClass: 'network' });
      expect((await store.partial(model))?.sizeBytes).toBe(150_000);
      refuse.isOn = false;
      const { downloadedBytes } = await fetchFrom([server]);
      expect(downloadedBytes).toBe(BYTES.length - 150_000);
      expect(await store.verify(model)).toBe('ok');
    },
  );

  it('goes on in the next run, and counts only what came in it', async () => {
    const server = await serveFile({ cuts: [150_000] });
    await expect(fetchFrom([server], {}, { retries: 0 })).rejects.toThrow(/closed the connection/);
    expect(await files()).toEqual([`${model.sha256}.partial`, `${model.sha256}.partial.json`]);
    const { downloadedBytes, egressBytes } = await fetchFrom([server]);
    expect([downloadedBytes, egressBytes]).toEqual([250_000, 250_000]);
    expect(server.ranges()).toEqual([undefined, 'bytes=150000-']);
    expect(await files()).toEqual([model.sha256]);
  });

  it('goes on at the next mirror, without the condition of the first', async () => {
    const broken = await serveFile({ cuts: [90_000, 0, 0, 0, 0] });
    const mirror = await serveFile({ etag: '"other"' });
    const { egressBytes } = await fetchFrom([broken, mirror]);
    expect(mirror.requests.map(({ headers }) => [headers.range, headers['if-range']])).toEqual([
      ['bytes=90000-', undefined],
    ]);
    expect(egressBytes).toBe(BYTES.length);
  });

  it('of a size that nobody knew counts what was there before', async () => {
    const server = await serveFile({ cuts: [150_000] });
    const unknown = { artefacts: [{ ...model, sizeBytes: null }] };
    await fetchFrom([server], unknown);
    const totals = events.flatMap((event) => (event.type === 'bytes' ? [event.totalBytes] : []));
    expect(new Set(totals)).toEqual(new Set([BYTES.length]));
  });

  it.each([
    ['python', true],
    ['wheel', false],
    ['uv', false],
  ] as const)('a %s that no source gives may be on this machine already: %s', async (kind, isOffered) => {
    const wrong = await serveFile({ bytes: Buffer.alloc(BYTES.length) });
    const failing = fetchFrom([wrong], { artefacts: [{ ...model, kind }] });
    const error = await failing.catch((reason: unknown) => reason as SetupError);
    const labels = (error as SetupError).remedies.map(({ label }) => label);
    expect(labels.includes('Use an interpreter of this machine')).toBe(isOffered);
    expect(labels.includes('Name a mirror')).toBe(isOffered);
  });

  it('gives up after three more attempts that bring nothing, and goes on as long as they bring something', async () => {
    const barren = await serveFile({ cuts: [1000, 0, 0, 0, 0, 0] });
    await expect(fetchFrom([barren])).rejects.toThrow(/closed the connection/);
    expect(barren.requests).toHaveLength(4);
    const bad = await serveFile({ cuts: [65_536, 65_536, 65_536, 65_536, 65_536] });
    await fetchFrom([bad]);
    expect(bad.requests.length).toBe(6);
    expect(await store.verify(model)).toBe('ok');
  });

  it('a file that is whole but was not verified needs no host', async () => {
    const server = await serveFile({ cuts: [BYTES.length - 1] });
    await expect(fetchFrom([server], {}, { retries: 0 })).rejects.toThrow();
    const { appendFile } = await import('node:fs/promises');
    await appendFile(join(store.dir, `${model.sha256}.partial`), BYTES.subarray(-1));
    const { downloadedBytes } = await fetchFrom([server], {}, { isOffline: true });
    expect([downloadedBytes, server.requests.length]).toEqual([0, 1]);
    expect(events.at(-1)).toMatchObject({ type: 'artefact', isCached: true });
  });
});

describe('a continuation that does not fit', () => {
  async function leavePartial(bytes = BYTES.subarray(0, 150_000), origin = true) {
    async function* body() {
      yield bytes;
      throw new (await import('../../src/support/errors.ts')).CancelledError();
    }
    const host = origin ? first.host : 'elsewhere.example';
    await store.put(model, body(), { origin: { host, etag: '"one"' } }).catch(() => {});
  }
  let first: Awaited<ReturnType<typeof serveFile>>;

  it('Range ignored: from the start, and said', async () => {
    first = await serveFile({
      answer: (_, response) => !!response.writeHead(200, { etag: '"one"' }).end(BYTES),
    });
    await leavePartial();
    const { downloadedBytes } = await fetchFrom([first]);
    expect(downloadedBytes).toBe(BYTES.length);
    expect(notes()).toContain('cannot resume model.bin');
  });

  it('another ETag: from the start, and said', async () => {
    first = await serveFile({ etag: '"two"' });
    await leavePartial();
    await fetchFrom([first]);
    expect(first.requests).toHaveLength(1);
    expect(notes()).toContain('model.bin has changed at');
    expect(await store.verify(model)).toBe('ok');
  });

  it('parts that do not add up: once more from the start, and said', async () => {
    first = await serveFile({ etag: null });
    await leavePartial(Buffer.alloc(150_000, 'rot'), false);
    await fetchFrom([first]);
    expect(first.ranges()).toEqual(['bytes=150000-', undefined]);
    expect(notes()).toContain('do not fit together');
    expect(await store.verify(model)).toBe('ok');
  });

  it.each<[string, Record<string, string>]>([
    ['another start', { 'content-range': `bytes 5-${BYTES.length - 1}/${BYTES.length}` }],
    ['another length', { 'content-range': `bytes 150000-150009/150010` }],
    ['no range at all', {}],
  ])('%s than was asked for: from the start, and said', async (_, headers) => {
    first = await serveFile({
      answer: (request, response) =>
        request.headers.range !== undefined && !!response.writeHead(206, headers).end('0123456789'),
    });
    await leavePartial();
    await fetchFrom([first]);
    expect(notes()).toContain('another part of model.bin');
    expect(await store.verify(model)).toBe('ok');
  });

  it('416: from the start, and said', async () => {
    first = await serveFile({
      answer: (request, response) => request.headers.range !== undefined && !!response.writeHead(416).end(),
    });
    await leavePartial();
    await fetchFrom([first]);
    expect(notes()).toContain('has no more of model.bin');
    expect(await store.verify(model)).toBe('ok');
  });

  it('an unrequested part is not accepted as the file', async () => {
    first = await serveFile({ answer: (_, response) => !!response.writeHead(206).end('part') });
    await expect(fetchFrom([first], {}, { retries: 0 })).rejects.toThrow(/not valid HTTP/);
  });

  it('other bytes from a mirror after a good first part: refused, and the next mirror starts at byte 0', async () => {
    const spoilt = Buffer.concat([BYTES.subarray(0, 200_000), Buffer.alloc(200_000, 'x')]);
    first = await serveFile();
    const bad = await serveFile({ bytes: spoilt, etag: null });
    await leavePartial();
    await fetchFrom([bad, first]);
    expect(bad.ranges()).toEqual(['bytes=150000-', undefined]);
    expect(first.ranges()).toEqual([undefined]);
    expect(await store.verify(model)).toBe('ok');
    expect(events.some((event) => event.type === 'note' && event.level === 'warning')).toBe(true);
  });
});

describe('waiting', () => {
  it('does what Retry-After says', async () => {
    const server = await serveFile({
      answer: (_, response, count) =>
        count === 1 && !!response.writeHead(429, { 'retry-after': '7' }).end('slow down'),
    });
    await fetchFrom([server], { delayFactor: 0.001 });
    expect(notes()).toContain('refuses further requests for now (429). Trying model.bin again in 0.0 s');
    expect(server.requests).toHaveLength(2);
  });

  it('does not wait for an hour', async () => {
    const server = await serveFile({
      answer: (_, response) => !!response.writeHead(503, { 'retry-after': '3600' }).end(),
    });
    await expect(fetchFrom([server])).rejects.toThrow(/answered 503/);
    expect(server.requests).toHaveLength(1);
  });

  it('ends at once when the user cancels', async () => {
    const server = await serveFile({ answer: (_, response) => !!response.writeHead(503).end() });
    const abort = new AbortController();
    const fetching = fetchFrom([server], {
      signal: abort.signal,
      delayFactor: 1000,
      emit: eventEmitter((event) => event.type === 'note' && abort.abort()),
    });
    await expect(fetching).rejects.toMatchObject({ name: 'CancelledError' });
  });

  it('a source that is too slow loses to the next one, and the last one goes on', async () => {
    const drip = (response: ServerResponse) => {
      response.writeHead(200, { 'content-length': BYTES.length });
      const timer = setInterval(() => response.write('x'), 5);
      response.once('close', () => clearInterval(timer));
    };
    const slow = await serveFile({
      answer: (_, response) => {
        drip(response);
        return true;
      },
    });
    const good = await serveFile();
    await fetchFrom([slow, good], { paceWindowMs: 50 });
    expect(notes()).toMatch(/is too slow\. Trying the next source/);
    expect(await store.verify(model)).toBe('ok');

    await store.remove(model);
    events = [];
    const abort = new AbortController();
    const alone = fetchFrom([slow], {
      paceWindowMs: 50,
      signal: abort.signal,
      emit: eventEmitter((event) => {
        events.push(event);
        if (event.type === 'note' && event.text.includes('there is no other source')) abort.abort();
      }),
    });
    await expect(alone).rejects.toMatchObject({ name: 'CancelledError' });
  });
});
