import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventEmitter, type SetupEvent } from '../../src/core/events.ts';
import { createPackageIndex } from '../../src/network/index/package-index.ts';
import type { NetworkProfile } from '../../src/network/settings/profile.ts';
import { createHttpClient } from '../../src/network/transport/http-client.ts';
import type { Artefact } from '../../src/shipped/lock.ts';
import type { FetchOptions } from '../../src/store/fetch.ts';
import { type ArtefactStore, openStore } from '../../src/store/store.ts';
import { SetupError } from '../../src/support/errors.ts';
import { fetchArtefacts } from '../fixtures/fetch-artefacts.ts';
import {
  closedAddress,
  location,
  redactor,
  startServer,
  type TestServer,
  testProfile,
} from '../fixtures/network.ts';

let dir: string;
let store: ArtefactStore;
let events: SetupEvent[];
const cleanUps: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ktx-fetch-'));
  store = openStore(join(dir, 'store'));
  events = [];
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await rm(dir, { recursive: true, force: true });
});

const contentOf = (name: string, sizeBytes = 2000) => Buffer.alloc(sizeBytes, `${name} `);
function wheel(name: string, sizeBytes = 2000): Artefact {
  const sha256 = createHash('sha256').update(contentOf(name, sizeBytes)).digest('hex');
  return { sha256, file: `${name}-1.0-py3-none-any.whl`, kind: 'wheel', sizeBytes, unpackedBytes: null };
}

type Files = Record<string, Buffer | ((request: IncomingMessage, response: ServerResponse) => void)>;

/** An index whose project pages link all its files; digests come from `listed`, or from the files. */
async function serveIndex(files: Files, listed: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer((request, response) => {
    const [, area, name = ''] = request.url!.split('/');
    if (area === 'simple') {
      const links = Object.keys(files)
        .filter((file) => file.startsWith(`${name.replaceAll('-', '_')}-`))
        .map(
          (file) => `<a href="/files/${file}${listed[file] ? `#sha256=${listed[file]}` : ''}">${file}</a>`,
        );
      response.writeHead(links.length > 0 ? 200 : 404, { 'content-type': 'text/html' });
      response.end(links.join('\n'));
      return;
    }
    const file = files[name];
    if (typeof file === 'function') file(request, response);
    else if (file) response.writeHead(200, { 'content-length': file.length }).end(file);
    else response.writeHead(404).end();
  });
  cleanUps.push(server.close);
  return server;
}

const serveAll = (...artefacts: Artefact[]) =>
  serveIndex(
    Object.fromEntries(
      artefacts.map((each) => [each.file, contentOf(each.file.split('-')[0]!, each.sizeBytes!)]),
    ),
  );

function fetchWith(
  artefacts: readonly Artefact[],
  profile: Partial<NetworkProfile>,
  more: Partial<FetchOptions> = {},
) {
  const full = testProfile(profile);
  const client = createHttpClient(full, { redactor });
  cleanUps.push(client.close);
  return fetchArtefacts({
    artefacts,
    store,
    client,
    profile: full,
    emit: eventEmitter((event) => events.push(event)),
    delayFactor: 0,
    ...more,
  });
}

const indexesOf = (...servers: TestServer[]) => ({
  indexes: servers.map((server) => location(`${server.url}/simple`)),
});
const failure = async (promise: Promise<unknown>): Promise<SetupError> => {
  const error = await promise.catch((each: unknown) => each);
  if (!(error instanceof SetupError)) throw error;
  return error;
};
const ofType = <T extends SetupEvent['type']>(type: T) =>
  events.filter((event): event is Extract<SetupEvent, { type: T }> => event.type === type);
const storeFiles = async () => (await readdir(store.dir).catch(() => [])).sort();
/** Excluding what a broken transfer leaves for resuming. */
const verifiedFiles = async () => (await storeFiles()).filter((name) => !name.includes('.partial'));

describe('fetching', () => {
  it('brings everything into the store, verified, and says where from', async () => {
    const artefacts = [wheel('one', 10), wheel('two', 500_000), wheel('three', 3000)];
    const server = await serveAll(...artefacts);
    const result = await fetchWith(artefacts, indexesOf(server));
    expect(result).toEqual({ downloadedBytes: 503_010 });
    for (const artefact of artefacts) expect(await store.verify(artefact)).toBe('ok');
    expect(await storeFiles()).toEqual(artefacts.map((each) => each.sha256).sort());
    expect(
      ofType('artefact')
        .map((event) => [event.file, event.place, event.isCached])
        .sort(),
    ).toEqual(artefacts.map((each) => [each.file, server.host, false]).sort());
    for (const artefact of artefacts) {
      const last = ofType('bytes').findLast((event) => event.file === artefact.file);
      expect([last?.doneBytes, last?.totalBytes]).toEqual([artefact.sizeBytes, artefact.sizeBytes]);
    }
  });

  it('counts all bytes when sizes are unknown, and asks for a digest once', async () => {
    const artefacts = [wheel('one'), wheel('two')].map((each) => ({ ...each, sizeBytes: null }));
    const server = await serveAll(wheel('one'), wheel('two'));
    expect(await fetchWith([...artefacts, ...artefacts], indexesOf(server))).toEqual({
      downloadedBytes: 4000,
    });
    expect(server.requests.filter((request) => request.url?.startsWith('/files/'))).toHaveLength(2);
  });

  it('starts with the largest', async () => {
    const artefacts = [wheel('one', 10), wheel('two', 3000), wheel('three', 200)];
    const server = await serveAll(...artefacts);
    await fetchWith(artefacts, indexesOf(server), { concurrency: 1 });
    expect(ofType('artefact').map((event) => event.sizeBytes)).toEqual([3000, 200, 10]);
  });

  it('opens no more than four connections to a host, however many files are due', async () => {
    const artefacts = Array.from({ length: 12 }, (_, at) => wheel(`pkg${at}`));
    const server = await serveAll(...artefacts);
    await fetchWith(artefacts, indexesOf(server));
    const ports = server.requests.map((request) => request.clientPort);
    expect(ports).toHaveLength(24);
    expect(new Set(ports).size).toBe(4);
  });

  it('reports progress at most ten times a second and once at the end', async () => {
    const artefact = wheel('big', 3_000_000);
    const startedAt = performance.now();
    await fetchWith([artefact], indexesOf(await serveAll(artefact)));
    const tenths = Math.ceil((performance.now() - startedAt) / 100);
    expect(ofType('bytes').length).toBeLessThanOrEqual(tenths + 2);
    expect(ofType('bytes').at(-1)?.doneBytes).toBe(3_000_000);
  });

  it('uses the index of the plan, so that no page is asked for twice', async () => {
    const artefact = wheel('one');
    const server = await serveAll(artefact);
    const profile = testProfile(indexesOf(server));
    const client = createHttpClient(profile, { redactor });
    cleanUps.push(client.close);
    const index = createPackageIndex(client, profile);
    await index.findFile({ ...artefact, project: 'one' });
    await fetchWith([artefact], profile, { client, index });
    expect(server.requests.map((request) => request.url)).toEqual([
      '/simple/one/',
      `/files/${artefact.file}`,
    ]);
  });
});

describe('an address that was recorded', () => {
  const recorded = (name: string): Artefact => ({ ...wheel(name), publicPath: `public/${name}.whl` });
  const publicIndex = (server: TestServer) => ({
    indexes: [{ ...location(`${server.url}/simple`), filesUrl: `${server.url}/` }],
  });
  async function serveBoth(name: string, answer: (response: ServerResponse) => void): Promise<TestServer> {
    const artefact = wheel(name);
    const server = await startServer((request, response) => {
      if (request.url === `/public/${name}.whl`) answer(response);
      else if (request.url === `/simple/${name}/`)
        response.setHeader('content-type', 'text/html').end(`<a href="/files/${artefact.file}">x</a>`);
      else response.end(contentOf(name));
    });
    cleanUps.push(server.close);
    return server;
  }

  it('is fetched from without a page', async () => {
    const server = await serveBoth('one', (response) => response.end(contentOf('one')));
    await fetchWith([recorded('one')], publicIndex(server));
    expect(server.requests.map(({ url }) => url)).toEqual(['/public/one.whl']);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['is gone', (response) => response.writeHead(404).end()],
    ['is forbidden', (response) => response.writeHead(403).end()],
    ['shows a web page', (response) => response.setHeader('content-type', 'text/html').end('<html>')],
    ['has other bytes', (response) => response.end(contentOf('bad'))],
  ])('that %s is no reason to fail: the page says where the file is', async (_, answer) => {
    const artefact = recorded('one');
    const server = await serveBoth('one', answer);
    await fetchWith([artefact], publicIndex(server));
    expect(await store.verify(artefact)).toBe('ok');
    expect(server.requests.map(({ url }) => url)).toEqual([
      '/public/one.whl',
      '/simple/one/',
      `/files/${artefact.file}`,
    ]);
  });
});

describe('the store comes first', () => {
  it('uses what is in the store without any request', async () => {
    const artefact = wheel('one');
    await fetchWith([artefact], indexesOf(await serveAll(artefact)));
    events = [];
    const result = await fetchWith([artefact], { isOffline: true });
    expect(result).toEqual({ downloadedBytes: 0 });
    expect(ofType('artefact')).toMatchObject([{ isCached: true, place: 'store', sizeBytes: 2000 }]);
  });

  it('removes and fetches again what was altered, and says so', async () => {
    const artefact = wheel('one');
    const server = await serveAll(artefact);
    await fetchWith([artefact], indexesOf(server));
    await writeFile(store.pathOf(artefact), contentOf('bad'));
    events = [];
    await fetchWith([artefact], indexesOf(server));
    expect(await store.verify(artefact)).toBe('ok');
    expect(ofType('note')).toMatchObject([
      { level: 'warning', text: expect.stringContaining(artefact.file) },
    ]);
  });
});

describe('sources', () => {
  it('folders of wheels work offline and win over the index', async () => {
    const artefact = wheel('one');
    await mkdir(join(dir, 'wheels'));
    await writeFile(join(dir, 'wheels', artefact.file), contentOf('one'));
    const findLinks = [location(pathToFileURL(join(dir, 'wheels')).href)];
    await fetchWith([artefact], { findLinks, isOffline: true });
    expect(ofType('artefact')).toMatchObject([{ place: join(dir, 'wheels'), isCached: false }]);
  });

  it('wrong bytes: the next source starts from the first byte', async () => {
    const artefact = wheel('one');
    const bad = await serveIndex({ [artefact.file]: contentOf('bad') });
    const good = await serveAll(artefact);
    await fetchWith([artefact], indexesOf(bad, good));
    expect(await readFile(store.pathOf(artefact))).toEqual(contentOf('one'));
    expect(ofType('artefact')).toMatchObject([{ place: good.host }]);
    expect(ofType('note')).toMatchObject([{ level: 'warning', text: expect.stringContaining(bad.host) }]);
  });

  it('wrong bytes everywhere: verification, with host, file and both digests', async () => {
    const artefact = wheel('one');
    const bytes = contentOf('bad');
    const bad = await serveIndex({ [artefact.file]: bytes });
    const gone = await serveIndex({});
    const error = await failure(fetchWith([artefact], indexesOf(bad, gone)));
    expect(error.failureClass).toBe('verification');
    expect(error.evidence.join('\n')).toContain(`host: ${bad.host}`);
    expect(error.evidence.join('\n')).toContain(artefact.file);
    expect(error.evidence.join('\n')).toContain(artefact.sha256);
    expect(error.evidence.join('\n')).toContain(createHash('sha256').update(bytes).digest('hex'));
    expect(error.evidence.join('\n')).toContain(gone.host);
    expect(await storeFiles()).toEqual([]);
  });

  it.each([
    ['as long as it', 2000, (digest: string) => `found sha256 ${digest} (2000 bytes)`],
    ['a byte shorter', 1999, (digest: string) => `found sha256 ${digest} (1999 bytes)`],
    [
      'a byte longer',
      2001,
      (digest: string) => `found more than 2000 bytes, sha256 of the first 2001: ${digest}`,
    ],
  ])('another file %s is told with both digests, and what to do', async (_what, sizeBytes, found) => {
    const artefact = wheel('one');
    const bytes = contentOf('bad', sizeBytes);
    const bad = await serveIndex({ [artefact.file]: bytes });
    const error = await failure(fetchWith([artefact], indexesOf(bad)));
    expect(error).toMatchObject({
      failureClass: 'verification',
      remedies: [{ id: 'ask-the-owner' }, { id: 'use-index' }],
    });
    for (const line of [
      `host: ${bad.host}`,
      `file: ${artefact.file}`,
      `expected sha256 ${artefact.sha256} (2000 bytes)`,
      found(createHash('sha256').update(bytes).digest('hex')),
    ])
      expect(error.evidence.map((each) => each.trim())).toContain(line);
  });

  it('a listing with another digest is refused before a byte of the file is asked for', async () => {
    const artefact = wheel('one');
    const server = await serveIndex(
      { [artefact.file]: contentOf('one') },
      { [artefact.file]: 'c'.repeat(64) },
    );
    const error = await failure(fetchWith([artefact], indexesOf(server)));
    expect(error.failureClass).toBe('verification');
    expect(server.requests.map((request) => request.url)).toEqual(['/simple/one/']);
  });

  it('a sign-in page in place of the file is a network failure, not altered bytes', async () => {
    const artefact = wheel('one');
    const server = await serveIndex({
      [artefact.file]: (_, response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in'),
    });
    const error = await failure(fetchWith([artefact], indexesOf(server)));
    expect([error.failureClass, error.message]).toEqual([
      'network',
      expect.stringContaining('web page instead of the file'),
    ]);
  });

  it('a transfer that breaks off is tried once more, from the first byte where the server knows no ranges', async () => {
    const artefact = wheel('one');
    let count = 0;
    const server = await serveIndex({
      [artefact.file]: (_, response) => {
        response.writeHead(200, { 'content-length': 2000 });
        if (++count === 1) response.write(contentOf('bad', 100), () => response.destroy());
        else response.end(contentOf('one'));
      },
    });
    await fetchWith([artefact], indexesOf(server));
    expect([count, await store.verify(artefact)]).toEqual([2, 'ok']);
  });

  it('one that always breaks off loses', async () => {
    const artefact = wheel('one');
    const server = await serveIndex({
      [artefact.file]: (_, response) => {
        response.writeHead(200, { 'content-length': 2000 });
        response.write('x', () => response.destroy());
      },
    });
    const error = await failure(fetchWith([artefact], indexesOf(server)));
    expect(error.message).toContain('closed the connection');
    expect(await verifiedFiles()).toEqual([]);
  });

  it('an empty file loses', async () => {
    const artefact = wheel('one');
    const error = await failure(
      fetchWith([artefact], indexesOf(await serveIndex({ [artefact.file]: Buffer.alloc(0) }))),
    );
    expect(error.failureClass).toBe('verification');
    expect(error.evidence.join()).toContain('(0 bytes)');
  });

  it('says once that a source is down, and never that one of several does not have a file', async () => {
    const artefacts = [wheel('one'), wheel('two'), wheel('three')];
    const closed = await closedAddress();
    const empty = await serveIndex({});
    const server = await serveAll(...artefacts);
    await fetchWith(artefacts, {
      indexes: [location(`${closed}/simple`), ...indexesOf(empty, server).indexes],
    });
    expect(ofType('note')).toMatchObject([
      { level: 'info', text: expect.stringContaining('refused the connection') },
    ]);
  });

  it('names every source and why it lost', async () => {
    const artefact = wheel('one');
    const closed = await closedAddress();
    const server = await startServer((_, response) => response.writeHead(403).end());
    cleanUps.push(server.close);
    const error = await failure(
      fetchWith([artefact], {
        findLinks: [location(pathToFileURL(join(dir, 'none')).href)],
        indexes: [location(`${closed}/simple`), location(`${server.url}/simple`)],
      }),
    );
    const evidence = error.evidence.join('\n');
    expect(error.message).toContain(artefact.file);
    expect(evidence).toMatch(
      /none does not have it[\s\S]*refused the connection[\s\S]*refuses access \(403\)/,
    );
    expect(error.failureClass).toBe('network');
  });

  it('offline with nothing at hand says what to do', async () => {
    const error = await failure(
      fetchWith([wheel('one')], { isOffline: true, indexes: [location('https://a.example/simple')] }),
    );
    expect(error.message).toContain('--offline');
    expect(error.nextSteps.join()).toContain('--offline');
  });

  it('says what to do when there is no source at all', async () => {
    const error = await failure(fetchWith([wheel('one')], {}));
    expect(error.nextSteps.join()).toContain('--index-url');
  });

  it('takes the sources of its caller', async () => {
    const artefact = { ...wheel('one'), kind: 'model' as const, file: 'model.safetensors' };
    const server = await serveIndex({ 'x.bin': contentOf('one') });
    await fetchWith(
      [artefact],
      {},
      { sourcesOf: () => [{ kind: 'url', label: 'hub', url: `${server.url}/files/x.bin` }] },
    );
    expect(await store.verify(artefact)).toBe('ok');
  });
});

describe('ending', () => {
  it('one that fails ends the others promptly', async () => {
    const [slow, broken] = [wheel('slow', 9000), wheel('broken', 10)] as const;
    let isSlowAsked: () => void;
    const slowIsAsked = new Promise<void>((resolve) => {
      isSlowAsked = resolve;
    });
    const server = await serveIndex({
      [slow.file]: (_, response) => {
        response.writeHead(200, { 'content-length': 9000 }).write('x', () => isSlowAsked());
      },
      [broken.file]: (_, response) => void slowIsAsked.then(() => response.writeHead(403).end()),
    });
    const error = await failure(fetchWith([slow, broken], indexesOf(server)));
    expect(error.message).toContain(broken.file);
    expect(await verifiedFiles()).toEqual([]);
  });

  it('one that fails does not wait for a page that another has begun to read', async () => {
    const [slow, broken] = [wheel('slow'), wheel('broken', 10)] as const;
    let isSlowAsked: () => void;
    const slowIsAsked = new Promise<void>((resolve) => {
      isSlowAsked = resolve;
    });
    const server = await startServer((request, response) => {
      if (request.url === '/simple/slow/') isSlowAsked();
      else void slowIsAsked.then(() => response.writeHead(403).end());
    });
    cleanUps.push(server.close);
    const profile = testProfile(indexesOf(server));
    const client = createHttpClient(profile, { redactor });
    cleanUps.push(client.close);
    const index = createPackageIndex(client, profile);
    const error = await failure(fetchWith([slow, broken], profile, { client, index }));
    expect(error.message).toContain(broken.file);
  });

  it('the user ends it: cancelled, nothing half-written', async () => {
    const artefact = wheel('slow', 9000);
    const abort = new AbortController();
    const server = await serveIndex({
      [artefact.file]: (_, response) => {
        response.writeHead(200, { 'content-length': 9000 }).write('x', () => abort.abort());
      },
    });
    await expect(fetchWith([artefact], indexesOf(server), { signal: abort.signal })).rejects.toMatchObject({
      name: 'CancelledError',
    });
    expect(await verifiedFiles()).toEqual([]);
    const cached = wheel('one');
    await fetchWith([cached], indexesOf(await serveAll(cached)));
    const late = new AbortController();
    await expect(
      fetchWith([cached], {}, { signal: late.signal, emit: () => late.abort() }),
    ).rejects.toMatchObject({ name: 'CancelledError' });
    await expect(
      fetchWith([artefact], indexesOf(server), { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ name: 'CancelledError' });
  });
});
