import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpClient, type HttpClient, patienceOf } from '../../../src/network/transport/http-client.ts';
import {
  closedAddress,
  redactor,
  startServer,
  type TestServer,
  testProfile,
} from '../../fixtures/network.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = await startServer(answer);
  open.push(server);
  return server;
}

function newClient(options: Partial<Parameters<typeof createHttpClient>[1]> = {}): HttpClient {
  const client = createHttpClient(testProfile(), { redactor, ...options });
  open.push(client);
  return client;
}

type Answer = [status: number, headers?: Record<string, string>, body?: string];

/** What a probe finds where HEAD and GET are answered like this, and which of them were sent. */
async function probed(head: Answer, get: Answer = [500]) {
  const server = await serve(({ method }, response) => {
    const [status, headers = {}, body = ''] = method === 'HEAD' ? head : get;
    response.writeHead(status, headers).end(body);
  });
  const { failure, ...rest } = await newClient().probe(`${server.url}/f`);
  const methods = server.requests.map(({ method }) => method);
  return { ...rest, reason: failure?.reason ?? null, methods };
}

describe('a file is probed', () => {
  it.each<[string, Answer, Answer, object]>([
    ['by HEAD', [200, { 'content-length': '7' }], [500], { sizeBytes: 7, status: 200, methods: ['HEAD'] }],
    ['by HEAD without a length', [204], [500], { sizeBytes: null, status: 204, methods: ['HEAD'] }],
    ['by HEAD with a length of 0', [200, { 'content-length': '0' }], [500], { sizeBytes: null }],
    [
      'by GET where HEAD is refused',
      [403],
      [206, { 'content-range': 'bytes 0-0/9' }, 'x'],
      { sizeBytes: 9, status: 206, methods: ['HEAD', 'GET'] },
    ],
    // The length of a part is not that of the file.
    [
      'by GET of a part of unknown length',
      [404],
      [206, { 'content-range': 'bytes 0-0/*' }, 'x'],
      { sizeBytes: null },
    ],
    [
      'by GET of the whole file',
      [405],
      [200, { 'content-length': '4' }, 'file'],
      { sizeBytes: 4, status: 200 },
    ],
    [
      'by GET where HEAD says that it is a page',
      [200, { 'content-type': 'text/html' }],
      [200, { 'content-type': 'TEXT/HTML; charset=utf-8' }, 'PK, not a page'],
      { methods: ['HEAD', 'GET'], reason: null },
    ],
  ])('%s', async (_, head, get, expected) => {
    expect(await probed(head, get)).toMatchObject({ isReachable: true, reason: null, ...expected });
  });

  it.each<[string, Answer, Answer, object]>([
    ['it is not there', [404], [404], { status: 404, reason: 'not-found' }],
    ['a page answers', [404], [200, { 'content-type': 'text/html' }, ' <html>'], { reason: 'not-a-file' }],
    ['it redirects without saying where to', [302], [304], { status: 304 }],
  ])('in vain: %s', async (_, head, get, expected) => {
    expect(await probed(head, get)).toMatchObject({ isReachable: false, sizeBytes: null, ...expected });
  });

  it('a page that is empty is no page', async () => {
    expect(await probed([404], [200, { 'content-type': 'text/html' }])).toMatchObject({ isReachable: true });
  });

  it('a page behind a redirect is told with both hosts', async () => {
    const pages = await serve((_, response) => response.setHeader('content-type', 'text/html').end('<p>'));
    const index = await serve((_, response) => response.writeHead(302, { location: pages.url }).end());
    const { failure, hops } = await newClient().probe(index.url);
    expect(failure).toMatchObject({ reason: 'not-a-file', host: pages.host, via: index.host });
    expect(hops).toEqual([index.host, pages.host]);
    expect((await newClient().probe(pages.url)).failure).toMatchObject({ host: pages.host, via: null });
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('%i is followed', async (status) => {
    const server = await serve(({ url }, response) => {
      if (url === '/end') response.end('here');
      else response.writeHead(status, { location: '/end' }).end();
    });
    const response = await newClient().get(`${server.url}/start`);
    expect([response.url, await response.text(9)]).toEqual([`${server.url}/end`, 'here']);
  });

  it.each([300, 304, 305])('%i is none', async (status) => {
    const server = await serve((_, response) => response.writeHead(status, { location: '/end' }).end());
    expect((await newClient().get(server.url)).status).toBe(status);
  });

  it('is followed ten times', async () => {
    const server = await serve(({ url }, response) => {
      const left = Number(url!.slice(1));
      if (left === 0) response.end('here');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    expect((await newClient().get(`${server.url}/10`)).status).toBe(200);
    await expect(newClient().get(`${server.url}/11`)).rejects.toMatchObject({ reason: 'redirect' });
  });

  it.each(['http://[', 'ftp://a.example/x', 'file:///etc/passwd'])('to %s is refused', async (location) => {
    const server = await serve((_, response) => response.writeHead(302, { location }).end());
    await expect(newClient().get(server.url)).rejects.toMatchObject({
      reason: 'redirect',
      host: server.host,
    });
  });

  it.each(['Authorization', 'COOKIE', 'Proxy-Authorization'])('takes no %s to another host', async (name) => {
    const files = await serve((_, response) => response.end());
    const index = await serve(({ url }, response) =>
      response.writeHead(302, { location: url === '/' ? '/same' : files.url }).end(),
    );
    const headers = { [name]: 'x', 'x-cookie-like': 'kept' };
    await newClient().get(`${index.url}/`, { headers });
    const sent = (server: TestServer, at: number) => server.requests[at]!.headers;
    expect(sent(index, 1)[name.toLowerCase()]).toBe('x');
    expect(sent(files, 0)[name.toLowerCase()]).toBeUndefined();
    expect(sent(files, 0)['x-cookie-like']).toBe('kept');
  });
});

it('a host that is not reached behind several redirects is told with the first of them', async () => {
  const closed = await closedAddress();
  const middle = await serve((_, response) => response.writeHead(302, { location: closed }).end());
  const first = await serve((_, response) => response.writeHead(302, { location: middle.url }).end());
  await expect(newClient().get(first.url)).rejects.toMatchObject({
    reason: 'refused',
    host: new URL(closed).host,
    via: first.host,
  });
  await expect(newClient().get(closed)).rejects.toMatchObject({ via: null });
});

it('hosts that were refused are named together, with those that were allowed, without their ports', async () => {
  const client = newClient({ isHostAllowed: () => false, allowedHosts: ['given.example'] });
  const refused = async (url: string) => {
    const error = await client.get(url).then(
      () => null,
      (failure: unknown) => failure as { remedies: { argv: string[] }[] },
    );
    return error!.remedies.flatMap(({ argv }) => argv ?? []).filter((word) => word.endsWith('.example'));
  };
  expect(await refused('https://a.example:8443/')).toEqual(['given.example', 'a.example']);
  expect(await refused('https://b.example/')).toEqual(['given.example', 'a.example', 'b.example']);
});

it('bytes are counted by host, most first', async () => {
  const [small, large] = [
    await serve((_, response) => response.end('x')),
    await serve((_, response) => response.end('x'.repeat(50))),
  ];
  const client = newClient();
  for (const { url } of [small, large, small]) await (await client.get(url)).text(99);
  expect(client.egress()).toEqual([
    { host: large.host, bytes: 50 },
    { host: small.host, bytes: 2 },
  ]);
});

it('headers that are sent twice are one text, and their names are in lower case', async () => {
  const server = await serve((_, response) =>
    response.writeHead(200, { 'X-One': 'a', 'Set-Cookie': ['a=1', 'b=2'] }).end(),
  );
  const { headers } = await newClient().get(server.url);
  expect([headers.get('x-one'), headers.get('set-cookie')]).toEqual(['a', 'a=1, b=2']);
});

it.each([
  [{ connectTimeoutMs: null, idleTimeoutMs: null }, {}, 15_000, 30_000],
  [{ connectTimeoutMs: 1, idleTimeoutMs: 2 }, {}, 1, 2],
  [{ connectTimeoutMs: 1, idleTimeoutMs: 2 }, { connectTimeoutMs: 3 }, 3, 2],
  [{ connectTimeoutMs: 1, idleTimeoutMs: 2 }, { idleTimeoutMs: 4 }, 1, 4],
])('the patience of a run with %j and %j', (profile, options, connectTimeoutMs, idleTimeoutMs) => {
  expect(patienceOf(profile, options)).toEqual({ connectTimeoutMs, idleTimeoutMs });
});
