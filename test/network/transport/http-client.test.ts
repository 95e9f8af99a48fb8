import { execFile } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NetworkFailure } from '../../../src/network/errors/network-failure.ts';
import type { NetworkProfile } from '../../../src/network/settings/profile.ts';
import {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  requireOk,
} from '../../../src/network/transport/http-client.ts';
import { createRedactor } from '../../../src/support/text/redaction.ts';
import {
  closedAddress,
  makeAuthority,
  redactor,
  startProxy,
  startServer,
  type TestAuthority,
  type TestServer,
  testProfile,
} from '../../fixtures/network.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

let dir: string;
let authority: TestAuthority;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ktx-http-'));
  authority = await makeAuthority(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function serve(...parameters: Parameters<typeof startServer>): Promise<TestServer> {
  const server = await startServer(...parameters);
  cleanUps.push(server.close);
  return server;
}

async function proxyServer(...parameters: Parameters<typeof startProxy>): Promise<TestServer> {
  const server = await startProxy(...parameters);
  cleanUps.push(server.close);
  return server;
}

function clientFor(
  profile: Partial<NetworkProfile> = {},
  options: Partial<HttpClientOptions> = {},
): HttpClient {
  const client = createHttpClient(testProfile(profile), { redactor, ...options });
  cleanUps.push(client.close);
  return client;
}

const failure = async (promise: Promise<unknown>): Promise<NetworkFailure> => {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (each: unknown) => each,
  );
  if (!(error instanceof NetworkFailure)) throw error;
  return error;
};

const readAll = async (client: HttpClient, url: string) => (await client.get(url)).text(1e6);

describe('answers', () => {
  it('gives status, headers, body, and counts the bytes of each host', async () => {
    const server = await serve((_, response) => response.end('x'.repeat(1000)));
    const client = clientFor();
    const response = await client.get(`${server.url}/a?b#c`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe('1000');
    expect(await response.text(1000)).toHaveLength(1000);
    expect(server.requests[0]).toMatchObject({ method: 'GET', url: '/a?b' });
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity');
    expect(client.egress()).toEqual([{ host: server.host, bytes: 1000 }]);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    // As some servers understand it, and curl and pip read it.
    ['deflate', deflateRawSync],
    ['zstd', zstdCompressSync],
    ['br', brotliCompressSync],
  ])('undoes %s of pages, and counts what came over the wire', async (encoding, compress) => {
    const packed = compress(Buffer.from('page '.repeat(1000)));
    const server = await serve((_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(packed),
    );
    const client = clientFor();
    const page = await client.get(server.url, { isPage: true });
    expect(await page.text(1e6)).toBe('page '.repeat(1000));
    expect(client.egress()[0]?.bytes).toBe(packed.length);
    // A file is given as it is, whatever the server calls it.
    const file = await client.get(server.url);
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.body) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(packed);
  });

  it('stops reading at the limit', async () => {
    const server = await serve((_, response) => response.end('x'.repeat(100_000)));
    const response = await clientFor().get(server.url);
    await expect(response.text(10)).rejects.toThrow(NetworkFailure);
  });

  it.each([401, 403, 404, 500])('requireOk turns %i into words that name the host', async (status) => {
    const server = await serve((_, response) => response.writeHead(status).end('no'));
    const error = await failure(clientFor().get(server.url).then(requireOk));
    expect(error.status).toBe(status);
    expect(error.message).toContain(server.host);
  });
});

describe('redirects', () => {
  it('follows them and notes the hosts', async () => {
    const files = await serve((_, response) => response.end('file'));
    const index = await serve((request, response) => {
      const location = request.url === '/a' ? '/b' : `${files.url}/c`;
      response.writeHead(302, { location }).end();
    });
    const client = clientFor();
    const response = await client.get(`${index.url}/a`);
    expect(await response.text(100)).toBe('file');
    expect(response.hops).toEqual([index.host, files.host]);
    expect(response.url).toBe(`${files.url}/c`);
  });

  it('ends a circle', async () => {
    const server = await serve((request, response) =>
      response.writeHead(301, { location: request.url === '/a' ? '/b' : '/a' }).end(),
    );
    const error = await failure(clientFor().get(`${server.url}/a`));
    expect([error.reason, server.requests.length]).toEqual(['redirect', 2]);
  });

  it('ends an endless row', async () => {
    let count = 0;
    const server = await serve((_, response) => response.writeHead(301, { location: `/${++count}` }).end());
    expect((await failure(clientFor().get(server.url))).message).toContain('more than 10');
    expect(server.requests).toHaveLength(11);
  });

  it('does not go from https to http, nor to a file', async () => {
    const plain = await serve((_, response) => response.end('plain'));
    const secure = await serve(
      (request, response) =>
        response
          .writeHead(302, { location: request.url === '/file' ? 'file:///etc/hostname' : plain.url })
          .end(),
      authority,
    );
    const client = clientFor({ certificateFiles: [{ path: '', pem: authority.caPem, origin: '' }] });
    expect((await failure(client.get(secure.url))).message).toContain('unprotected http');
    expect((await failure(client.get(`${secure.url}/file`))).reason).toBe('redirect');
    expect(plain.requests).toHaveLength(0);
  });

  it('asks whether the host is allowed, of each hop', async () => {
    const files = await serve((_, response) => response.end('file'));
    const index = await serve((_, response) => response.writeHead(302, { location: files.url }).end());
    const client = clientFor({}, { isHostAllowed: (host) => host === index.host });
    const error = await failure(client.get(index.url));
    expect(error.reason).toBe('host-not-allowed');
    expect(error.nextSteps.join()).toContain('--allow-host 127.0.0.1');
    expect(files.requests).toHaveLength(0);
  });
});

describe('logins', () => {
  it('sends the one of the address to its host only', async () => {
    const files = await serve((_, response) => response.end('file'));
    const index = await serve((_, response) => response.writeHead(302, { location: files.url }).end());
    const client = clientFor({
      credentials: [{ username: 'me', password: 'secret-word', urlOrigin: index.url, path: '/simple' }],
    });
    await readAll(client, `${index.url}/files/x`);
    expect(index.requests[0]?.headers.authorization).toBe(`Basic ${btoa('me:secret-word')}`);
    expect(files.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('takes a login from the address itself and hides it from then on', async () => {
    const server = await serve((_, response) => response.writeHead(403).end());
    const own = createRedactor();
    const client = createHttpClient(testProfile(), { redactor: own });
    cleanUps.push(client.close);
    const address = server.url.replace('://', '://me:hidden-word@');
    const response = await client.get(address);
    const error = await failure(requireOk(response));
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('me:hidden-word')}`);
    expect(response.url).not.toContain('hidden-word');
    expect(JSON.stringify([error.message, error.evidence, error.nextSteps])).not.toContain('hidden-word');
    expect(own.redact('x hidden-word y')).not.toContain('hidden-word');
    expect(own.redact(btoa('me:hidden-word'))).not.toContain(btoa('me:hidden-word'));
  });

  it('hides every login of the profile from the start', () => {
    const own = createRedactor();
    const profile = testProfile({
      credentials: [{ username: 'me', password: 'index-word', urlOrigin: 'https://a.example', path: '/' }],
      netrc: [{ machine: 'b.example', username: 'token-as-name', password: '' }],
      proxies: {
        forHttp: null,
        forHttps: { url: 'http://p.example', authorization: `Basic ${btoa('p:proxy-word')}`, origin: 'test' },
        noProxy: '',
      },
    });
    cleanUps.push(createHttpClient(profile, { redactor: own }).close);
    for (const secret of [
      'index-word',
      btoa('me:index-word'),
      'token-as-name',
      'proxy-word',
      btoa('p:proxy-word'),
    ])
      expect(own.redact(`x ${secret} y`)).toBe('x **** y');
  });

  it("drops a caller's own authorization when the host changes", async () => {
    const files = await serve((_, response) => response.end('file'));
    const index = await serve((_, response) => response.writeHead(302, { location: files.url }).end());
    await (await clientFor().get(index.url, { headers: { Authorization: 'Bearer x', 'x-a': 'b' } })).text(9);
    expect(index.requests[0]?.headers.authorization).toBe('Bearer x');
    expect(files.requests[0]?.headers).toMatchObject({ 'x-a': 'b' });
    expect(files.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('uses netrc for the host it names', async () => {
    const server = await serve((_, response) => response.end());
    const netrc = (machine: string) => [{ machine, username: 'n', password: 'pw' }];
    await readAll(clientFor({ netrc: netrc('127.0.0.1') }), server.url);
    await readAll(clientFor({ netrc: netrc('other.example') }), server.url);
    expect(server.requests.map((request) => request.headers.authorization)).toEqual([
      `Basic ${btoa('n:pw')}`,
      undefined,
    ]);
  });

  it('takes the login whose path is nearest', async () => {
    const server = await serve((_, response) => response.end());
    const of = (path: string) => ({ username: path, password: 'pw', urlOrigin: server.url, path });
    await readAll(
      clientFor({ credentials: [of('/team-a/simple'), of('/team-b/simple')] }),
      `${server.url}/team-b/f.whl`,
    );
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${btoa('/team-b/simple:pw')}`);
  });
});

describe('what goes wrong', () => {
  it('offline: nothing is asked', async () => {
    const server = await serve((_, response) => response.end());
    const client = clientFor({ isOffline: true });
    expect((await failure(client.get(server.url))).reason).toBe('offline');
    expect((await client.probe(server.url)).failure?.reason).toBe('offline');
    expect(server.requests).toHaveLength(0);
  });

  it('a name that does not exist', async () => {
    const error = await failure(clientFor().get('http://does-not-exist.invalid/x'));
    expect([error.reason, error.host]).toEqual(['dns', 'does-not-exist.invalid']);
  });

  it('a port where nobody listens is asked once in a run', async () => {
    const server = await startServer(() => {});
    await server.close();
    const client = clientFor();
    expect((await failure(client.get(server.url))).reason).toBe('refused');
    const late = net.createServer(() => {}).listen(Number(new URL(server.url).port), '127.0.0.1');
    cleanUps.push(async () => late.close());
    await once(late, 'listening');
    expect((await failure(client.get(`${server.url}/other`))).reason).toBe('refused');
  });

  it('a body that is shorter than announced', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('short', () => response.destroy());
    });
    const response = await clientFor().get(server.url);
    expect((await failure(response.text(1000))).reason).toBe('truncated');
  });

  it('a compressed page that breaks off', async () => {
    const packed = gzipSync(Buffer.from('page '.repeat(1000)));
    const server = await serve((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed.subarray(0, packed.length - 9)),
    );
    const response = await clientFor().get(server.url, { isPage: true });
    expect((await failure(response.text(1e6))).reason).toBe('truncated');
  });

  it('silence before the answer and within it', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/body') response.writeHead(200, { 'content-length': '9' }).write('x');
    });
    // undici looks at its timers once a second; anything below that is one second.
    const client = clientFor({}, { idleTimeoutMs: 50 });
    expect((await failure(client.get(server.url))).reason).toBe('idle-timeout');
    const response = await client.get(`${server.url}/body`);
    expect((await failure(response.text(100))).reason).toBe('idle-timeout');
  });

  it('something that is no HTTP', async () => {
    const server = net.createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    server.listen(0, '127.0.0.1');
    cleanUps.push(async () => server.close());
    await once(server, 'listening');
    const error = await failure(
      clientFor().get(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    );
    expect(error.reason).toBe('protocol');
  });

  it('a kept connection that the server closed is no failure', async () => {
    let count = 0;
    const server = await serve((request, response) => {
      // The second request arrives on a connection that is closed without a word.
      if (++count === 2) request.socket.destroy();
      else response.end(String(count));
    });
    const client = clientFor();
    expect(await readAll(client, server.url)).toBe('1');
    expect(await readAll(client, server.url)).toBe('3');
  });
});

describe('cancelling', () => {
  it('ends a request and a body at once', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/body') response.writeHead(200).write('x');
      else abort.abort();
    });
    let abort = new AbortController();
    const client = clientFor();
    const cancelled = { name: 'CancelledError' };
    await expect(client.get(server.url, { signal: abort.signal })).rejects.toMatchObject(cancelled);
    await expect(client.get(server.url, { signal: abort.signal })).rejects.toMatchObject(cancelled);
    expect(server.requests).toHaveLength(1);
    abort = new AbortController();
    const response = await client.get(`${server.url}/body`, { signal: abort.signal });
    const reading = response.text(100);
    abort.abort();
    await expect(reading).rejects.toMatchObject(cancelled);
  });
});

describe('TLS', () => {
  it('trusts the authorities of the user beside those of Node', async () => {
    const server = await serve((_, response) => response.end('secure'), authority);
    const client = clientFor({ certificateFiles: [{ path: '', pem: authority.caPem, origin: '' }] });
    expect(await readAll(client, server.url)).toBe('secure');
  });

  it('names who signed what is not trusted, and sends nothing', async () => {
    const server = await serve((_, response) => response.end('secure'), authority);
    const error = await failure(clientFor().get(server.url));
    expect(error.reason).toBe('untrusted-certificate');
    expect(error.message).toContain('Acme Interception CA');
    expect(error.message).toContain(server.host);
    expect(server.requests).toHaveLength(0);
  });

  it('is not switched off by NODE_TLS_REJECT_UNAUTHORIZED', async () => {
    const server = await serve((_, response) => response.end('secure'), authority);
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    cleanUps.push(async () => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    });
    expect((await failure(clientFor().get(server.url))).reason).toBe('untrusted-certificate');
  });

  it('notices another name and old dates', async () => {
    const other = await mkdtemp(join(tmpdir(), 'ktx-http-'));
    cleanUps.push(() => rm(other, { recursive: true }));
    const named = await makeAuthority(other, 'other.example');
    const server = await serve((_, response) => response.end(), named);
    const client = clientFor({ certificateFiles: [{ path: '', pem: named.caPem, origin: '' }] });
    expect((await failure(client.get(server.url))).reason).toBe('wrong-name-certificate');
    const old = await makeAuthority(other, undefined, ['-days', '-1']);
    const oldServer = await serve((_, response) => response.end(), old);
    const trusting = clientFor({ certificateFiles: [{ path: '', pem: old.caPem, origin: '' }] });
    expect((await failure(trusting.get(oldServer.url))).reason).toBe('expired-certificate');
  });

  it('http on a port that speaks TLS, and the reverse', async () => {
    const plain = await serve((_, response) => response.end());
    expect((await failure(clientFor().get(plain.url.replace('http:', 'https:')))).reason).toBe('tls');
  });

  it('leaves out an authority that OpenSSL cannot read, and trusts the others', async () => {
    const server = await serve((_, response) => response.end('reached'), authority);
    const der = Buffer.concat([Buffer.from([0x30, 0x82, 0x01, 0x00]), Buffer.alloc(256, 7)]);
    const damaged = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
    const client = clientFor({
      certificateFiles: [{ path: '', pem: `${damaged}${authority.caPem}`, origin: '' }],
    });
    expect(await readAll(client, server.url)).toBe('reached');
  });

  it('survives a file of authorities that is none', async () => {
    const server = await serve((_, response) => response.end(), authority);
    const pem = '-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n';
    const client = clientFor({ certificateFiles: [{ path: '', pem, origin: '' }] });
    await expect(client.get(server.url)).rejects.toBeInstanceOf(NetworkFailure);
  });
});

describe('proxies', () => {
  const through = (proxy: TestServer | string, login: string | null = null) => {
    const server = {
      url: typeof proxy === 'string' ? proxy : proxy.url,
      authorization: login && `Basic ${btoa(login)}`,
      origin: 'HTTPS_PROXY',
    };
    return { proxies: { forHttp: server, forHttps: server, noProxy: '' } };
  };

  it('tunnels https and forwards http, with its own login for itself alone', async () => {
    const proxy = await proxyServer();
    const plain = await serve((_, response) => response.end('plain'));
    const secure = await serve((_, response) => response.end('secure'), authority);
    const client = clientFor({
      ...through(proxy, 'me:proxy-word'),
      certificateFiles: [{ path: '', pem: authority.caPem, origin: '' }],
    });
    expect(await readAll(client, `${plain.url}/x?y`)).toBe('plain');
    expect(await readAll(client, secure.url)).toBe('secure');
    expect(proxy.requests.map((request) => [request.method, request.url])).toEqual([
      ['GET', `${plain.url}/x?y`],
      ['CONNECT', secure.host],
    ]);
    for (const request of proxy.requests) {
      expect(request.headers['proxy-authorization']).toBe(`Basic ${btoa('me:proxy-word')}`);
    }
    for (const server of [plain, secure]) {
      expect(server.requests[0]?.headers['proxy-authorization']).toBeUndefined();
    }
    expect(client.egress().map((entry) => entry.host)).toEqual([secure.host, plain.host]);
  });

  it('leaves it out for hosts of NO_PROXY', async () => {
    const proxy = await proxyServer();
    const plain = await serve((_, response) => response.end('plain'));
    const profile = through(proxy);
    profile.proxies.noProxy = '127.0.0.1';
    expect(await readAll(clientFor(profile), plain.url)).toBe('plain');
    expect(proxy.requests).toHaveLength(0);
  });

  it.each<[number, string]>([
    [407, 'proxy-login'],
    [403, 'proxy-refused'],
  ])('a proxy that answers %i: %s, for https', async (status, reason) => {
    const proxy = await proxyServer({ status });
    const error = await failure(clientFor(through(proxy)).get('https://index.example/simple'));
    expect(error.reason).toBe(reason);
    expect(error.message).toContain(proxy.host);
    expect(error.message).toContain('index.example');
  });

  it('a proxy that requires a login, for http', async () => {
    const proxy = await proxyServer({ status: 407 });
    const error = await failure(clientFor(through(proxy)).get('http://index.example/simple'));
    expect(error.reason).toBe('proxy-login');
    expect(error.message).toContain(proxy.host);
  });

  it('a server that speaks for a proxy though none is set', async () => {
    const server = await serve((_, response) => response.writeHead(407).end());
    const error = await failure(clientFor().get(server.url));
    expect(error.reason).toBe('proxy-login');
    expect(error.message).toBe(
      `${server.host} answers that a proxy requires a login (407), and no proxy is set for it.`,
    );
  });

  it.each(['https://index.example/simple', 'http://index.example/simple'])(
    'a proxy that is not there, for %s',
    async (url) => {
      const address = await closedAddress();
      const error = await failure(clientFor(through(address)).get(url));
      expect(error.reason).toBe('proxy-unreachable');
      expect(error.message).toContain(new URL(address).host);
    },
  );

  it('a kind of proxy that is not spoken', async () => {
    const error = await failure(clientFor(through('socks5://s.example:1080')).get('https://index.example/'));
    expect(error.reason).toBe('proxy-unsupported');
  });

  it('interception behind a proxy is named as such', async () => {
    const proxy = await proxyServer();
    const secure = await serve((_, response) => response.end('secure'), authority);
    const error = await failure(clientFor(through(proxy)).get(secure.url));
    expect(error.reason).toBe('untrusted-certificate');
    expect(error.message).toContain('Acme Interception CA');
  });

  it('speaks to a proxy over TLS', async () => {
    const plain = await serve((_, response) => response.end('plain'));
    const secureProxy = await serve((request, response) => response.end(`asked ${request.url}`), authority);
    const client = clientFor({
      ...through(secureProxy),
      certificateFiles: [{ path: '', pem: authority.caPem, origin: '' }],
    });
    expect(await readAll(client, `${plain.url}/x`)).toBe(`asked ${plain.url}/x`);
  });
});

describe('folders and files', () => {
  it('reads them through the same interface, without egress', async () => {
    const folder = join(dir, 'my wheels');
    await mkdir(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'a+b & c-1.0.whl'), 'bytes');
    await writeFile(join(folder, 'deep', 'index.html'), '<p>page');
    const client = clientFor({ isOffline: true });
    const base = pathToFileURL(folder).href;
    const listing = await client.get(base);
    expect(listing.url).toBe(`${base}/`);
    const page = await listing.text(1e5);
    const href = /href="(\.\/a[^"]+)"/.exec(page)![1]!;
    const file = await client.get(new URL(href, listing.url).href);
    expect([await file.text(100), file.hops]).toEqual(['bytes', [join(folder, 'a+b & c-1.0.whl')]]);
    expect(await readAll(client, `${base}/deep`)).toBe('<p>page');
    expect((await client.get(`${base}/gone`)).status).toBe(404);
    expect((await client.probe(`${base}/deep`)).isReachable).toBe(true);
    expect((await client.probe(`${base}/gone`)).failure?.reason).toBe('not-found');
    expect(client.egress()).toEqual([]);
  });
});

describe('probe', () => {
  it('says reachable, size and hosts; takes the first byte where HEAD is not known', async () => {
    const files = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(405).end();
      else response.writeHead(206, { 'content-range': 'bytes 0-0/5000' }).end('x');
    });
    const index = await serve((_, response) => response.writeHead(302, { location: files.url }).end());
    const result = await clientFor().probe(index.url);
    expect(result).toEqual({
      isReachable: true,
      failure: null,
      status: 206,
      hops: [index.host, files.host],
      sizeBytes: 5000,
    });
    expect(files.requests.map((request) => request.headers.range)).toEqual([undefined, 'bytes=0-0']);
  });

  it('takes the size from HEAD', async () => {
    const server = await serve((_, response) => response.writeHead(200, { 'content-length': '77' }).end());
    expect((await clientFor().probe(server.url)).sizeBytes).toBe(77);
    expect(server.requests.map((request) => request.method)).toEqual(['HEAD']);
  });

  it('lets GET decide where HEAD is never answered, and does not ask it again', async () => {
    const server = await serve((request, response) => {
      if (request.method === 'GET') response.writeHead(206, { 'content-range': 'bytes 0-0/9' }).end('x');
    });
    const client = clientFor({}, { idleTimeoutMs: 300 });
    for (const path of ['/a', '/b'])
      expect(await client.probe(`${server.url}${path}`)).toMatchObject({ failure: null, sizeBytes: 9 });
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'HEAD /a',
      'GET /a',
      'GET /b',
    ]);
  });

  it('takes the large headers of a sign-on', async () => {
    const server = await serve((_, response) =>
      response.writeHead(200, { 'set-cookie': 'x'.repeat(60_000) }).end(),
    );
    expect((await clientFor().probe(server.url)).failure).toBeNull();
  });

  it.each([401, 403, 404, 500])('says why not: %i', async (status) => {
    const server = await serve((_, response) => response.writeHead(status).end());
    const result = await clientFor().probe(server.url);
    expect([result.isReachable, result.failure?.status]).toEqual([false, status]);
  });

  it('is as patient as a transfer, and silence is not remembered as down', async () => {
    let isAwake = false;
    const server = await serve((_, response) => {
      if (isAwake) response.end('here');
    });
    const client = clientFor({}, { idleTimeoutMs: 300 });
    const result = await client.probe(server.url);
    expect(result.failure?.reason).toBe('idle-timeout');
    isAwake = true;
    expect(await readAll(client, server.url)).toBe('here');
  });

  it('asks hosts that the plan does not allow yet: it is how the plan learns of them', async () => {
    const server = await serve((_, response) => response.end());
    const client = clientFor({}, { isHostAllowed: () => false });
    expect((await client.probe(server.url)).isReachable).toBe(true);
  });

  it('is cancelled by its caller', async () => {
    const abort = new AbortController();
    const server = await serve(() => abort.abort());
    await expect(clientFor().probe(server.url, { signal: abort.signal })).rejects.toMatchObject({
      name: 'CancelledError',
    });
  });
});

describe('logins', () => {
  const pass = (name: string) => `Basic ${btoa(`${name}:pw`)}`;
  const credential = (url: string, username = 'me') => ({
    username,
    password: 'pw',
    urlOrigin: new URL(url).origin,
    path: '/',
  });

  it('a login that was accepted a moment ago is offered again', async () => {
    let asked = 0;
    const server = await serve((_, response) => {
      asked++;
      response.writeHead(asked === 2 ? 401 : 200).end('here');
    });
    const client = clientFor({ credentials: [credential(server.url)] });
    expect(await readAll(client, server.url)).toBe('here');
    expect(await readAll(client, server.url)).toBe('here');
    expect(asked).toBe(3);
  });

  it('one that was never accepted is not', async () => {
    const server = await serve((_, response) => response.writeHead(401).end());
    const client = clientFor({ credentials: [credential(server.url)] });
    expect((await client.get(server.url)).status).toBe(401);
    expect(server.requests).toHaveLength(1);
  });

  it('the default of a netrc is for hosts that are set, and for those that ask; not for redirects', async () => {
    const netrc = [{ machine: null, username: 'any', password: 'pw' }];
    const asks = await serve((request, response) =>
      response.writeHead(request.headers.authorization ? 200 : 401).end(),
    );
    const client = clientFor({ netrc });
    expect((await client.get(asks.url)).status).toBe(200);
    expect(asks.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, pass('any')]);
    const sends = await serve((_, response) => response.writeHead(302, { location: asks.url }).end());
    expect((await client.get(sends.url)).status).toBe(401);
    const named = clientFor({ netrc, indexes: [{ url: sends.url, label: 'x', origin: 'PIP_INDEX_URL' }] });
    await named.get(sends.url);
    expect(sends.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, pass('any')]);
    expect(asks.requests.at(-1)?.headers.authorization).toBeUndefined();
  });

  it('a login goes along when a host moves to https, and never the other way', async () => {
    const secure = await serve((_, response) => response.end('here'), authority);
    const plain = await serve((_, response) => response.writeHead(301, { location: secure.url }).end());
    const certificateFiles = [{ path: '', pem: authority.caPem, origin: 'test' }];
    const client = clientFor({ credentials: [credential(plain.url)], certificateFiles });
    expect(await readAll(client, plain.url)).toBe('here');
    expect(secure.requests[0]?.headers.authorization).toBe(pass('me'));
    const other = clientFor({ credentials: [credential(secure.url)] });
    await other.get(plain.url).catch(() => {});
    expect(plain.requests.at(-1)?.headers.authorization).toBeUndefined();
  });
});

describe('a host that has answered', () => {
  it('is not down because one connection came to nothing', async () => {
    const server = await serve((_, response) => response.end('here'));
    const client = clientFor();
    expect(await readAll(client, server.url)).toBe('here');
    await server.close();
    const error = await failure(client.get(server.url));
    expect([error.reason, error.isHostDown]).toEqual(['refused', false]);
  });
});

describe('the environment of the process', () => {
  it('has no say: a second proxy of Node would send the tunnel through itself', async () => {
    const secure = await serve((_, response) => response.end('reached'), authority);
    const proxy = await proxyServer();
    const script = `
      import { createHttpClient } from ${JSON.stringify(join(import.meta.dirname, '../../../src/network/transport/http-client.ts'))};
      import { readNetworkProfile } from ${JSON.stringify(join(import.meta.dirname, '../../../src/network/settings/profile.ts'))};
      import { createRedactor } from ${JSON.stringify(join(import.meta.dirname, '../../../src/support/text/redaction.ts'))};
      const profile = await readNetworkProfile({ env: process.env, homeDir: ${JSON.stringify(dir)} });
      const client = createHttpClient(profile, { redactor: createRedactor() });
      console.log(await (await client.get(${JSON.stringify(secure.url)})).text(100));
      await client.close();`;
    const env = {
      PATH: process.env['PATH'],
      NODE_USE_ENV_PROXY: '1',
      HTTPS_PROXY: proxy.url,
      HTTP_PROXY: proxy.url,
      SSL_CERT_FILE: authority.caPath,
    };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env,
    });
    expect(stdout).toBe('reached\n');
    expect(proxy.requests.map(({ method, url }) => [method, url])).toEqual([['CONNECT', secure.host]]);
  });
});

describe('a name with a broken IPv6 address', () => {
  it('is reached over IPv4', async () => {
    const server = await serve((_, response) => response.end('reached'));
    const real = dns.lookup;
    // The resolver is the one part of this that cannot be had for real without a name server.
    dns.lookup = ((
      _name: string,
      _options: unknown,
      callback: (error: null, found: dns.LookupAddress[]) => void,
    ) =>
      callback(null, [
        { address: '100::1', family: 6 },
        { address: '::1', family: 6 },
        { address: '127.0.0.1', family: 4 },
      ])) as typeof dns.lookup;
    cleanUps.push(async () => {
      dns.lookup = real;
    });
    const { port } = new URL(server.url);
    expect(await readAll(clientFor(), `http://dual.example:${port}/`)).toBe('reached');
  });
});
