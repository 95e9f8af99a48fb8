import { once } from 'node:events';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkFailure } from '../../../src/network/errors/network-failure.ts';
import type { NetworkProfile } from '../../../src/network/settings/profile.ts';
import { createHttpClient } from '../../../src/network/transport/http-client.ts';
import {
  makeAuthority,
  redactor,
  startServer,
  type TestAuthority,
  testProfile,
} from '../../fixtures/network.ts';
import { temporaryFolderForFile } from '../../fixtures/temporary-folder.ts';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await makeAuthority(await temporaryFolderForFile());
});

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

interface Tunnel {
  requests: { url: string; headers: Record<string, unknown> }[];
  url: string;
  host: string;
}

/** A proxy that tunnels, over TLS or not. `answer` replaces its own. */
async function tunnelProxy(isSecure: boolean, answer?: (client: net.Socket) => void): Promise<Tunnel> {
  const requests: Tunnel['requests'] = [];
  const server = isSecure ? https.createServer(authority) : (await import('node:http')).createServer();
  const sockets = new Set<net.Socket>();
  server.on('connect', (request, client: net.Socket) => {
    requests.push({ url: request.url!, headers: request.headers });
    sockets.add(client.on('error', () => {}));
    if (answer) {
      answer(client);
      return;
    }
    const [host, port] = request.url!.split(':');
    const upstream = net.connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connected\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    sockets.add(upstream.on('error', () => {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { requests, host, url: `${isSecure ? 'https' : 'http'}://${host}` };
}

/** Asks a server over TLS through this proxy. */
async function ask(
  proxy: { url: string },
  { isTrusted = true, authorization = null as string | null, connectTimeoutMs = 60_000 } = {},
) {
  const server = await startServer((_, response) => response.end('here'), authority);
  open.push(server.close);
  const forHttps = { url: proxy.url, authorization, origin: 'test' };
  const profile: Partial<NetworkProfile> = {
    proxies: { forHttp: null, forHttps, noProxy: '' },
    certificateFiles: isTrusted ? [{ path: '', pem: authority.caPem, origin: '' }] : [],
  };
  const client = createHttpClient(testProfile(profile), { redactor, connectTimeoutMs });
  open.push(client.close);
  const text = await client.get(server.url).then(
    (response) => response.text(100),
    (error: NetworkFailure) => error,
  );
  return { text, server };
}

describe.each([false, true])('a tunnel through a proxy that uses TLS: %s', (isSecure) => {
  it('leads to the server, which the proxy is asked for by name and port', async () => {
    const proxy = await tunnelProxy(isSecure);
    const { text, server } = await ask(proxy);
    expect(text).toBe('here');
    expect(proxy.requests).toEqual([
      { url: server.host, headers: expect.objectContaining({ host: server.host }) },
    ]);
    expect(proxy.requests[0]!.headers).not.toHaveProperty('proxy-authorization');
    expect(server.requests[0]!.headers).not.toHaveProperty('proxy-authorization');
  });

  it('takes the login of the proxy to it, and no further', async () => {
    const proxy = await tunnelProxy(isSecure);
    const { server } = await ask(proxy, { authorization: 'Basic eDp5' });
    expect(proxy.requests[0]!.headers['proxy-authorization']).toBe('Basic eDp5');
    expect(server.requests[0]!.headers).not.toHaveProperty('proxy-authorization');
  });

  it.each([
    [300, 'proxy-sign-in'],
    [403, 'proxy-refused'],
    [502, 'proxy-upstream'],
  ])('is not there when the proxy answers %i', async (status, reason) => {
    const end = (client: net.Socket) =>
      client.end(`HTTP/1.1 ${status} Own Words\r\nContent-Length: 0\r\n\r\n`);
    const proxy = await tunnelProxy(isSecure, end);
    const { text } = await ask(proxy, { authorization: 'Basic eDp5' });
    expect(text).toMatchObject({ reason, status, proxyHost: proxy.host });
  });

  it('is there for each status of success', async () => {
    const proxy = await tunnelProxy(isSecure, (client) => {
      client.write('HTTP/1.1 299 Fine\r\n\r\n');
      client.destroy();
    });
    expect(((await ask(proxy)).text as NetworkFailure).reason).not.toMatch(/^proxy/);
  });

  it('is not there when the proxy hangs up, or says nothing for twice the time of a connection', async () => {
    const silent = await tunnelProxy(isSecure, () => {});
    const startedAt = performance.now();
    expect((await ask(silent, { connectTimeoutMs: 200 })).text).toMatchObject({
      reason: 'proxy-unreachable',
      evidence: expect.arrayContaining([expect.stringContaining('no answer within 400 ms')]),
    });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(390);
    const closing = await tunnelProxy(isSecure, (client) => client.destroy());
    const reason = isSecure ? 'proxy-plain-http' : 'proxy-reset';
    expect((await ask(closing)).text).toMatchObject({ reason });
  });
});

it('a proxy whose certificate is not trusted is named with who signed it', async () => {
  const proxy = await tunnelProxy(true);
  expect((await ask(proxy, { isTrusted: false })).text).toMatchObject({
    reason: 'proxy-certificate',
    proxyHost: proxy.host,
    issuer: 'Acme Interception CA, Acme Networks',
  });
  expect(proxy.requests).toEqual([]);
});

it('a proxy that is said to use TLS and does not', async () => {
  const proxy = await tunnelProxy(false);
  const { text } = await ask({ url: proxy.url.replace('http:', 'https:') });
  expect(text).toMatchObject({ reason: 'proxy-plain-http' });
});
