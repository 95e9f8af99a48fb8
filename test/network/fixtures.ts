import { execFile } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NetworkProfile, PackageIndexConfig } from '../../src/network/profile.ts';
import { createRedactor } from '../../src/support/redaction.ts';

const run = promisify(execFile);

export interface TestServer {
  url: string;
  host: string;
  /** `clientPort` tells connections apart. */
  requests: { method: string; url: string; headers: http.IncomingHttpHeaders; clientPort?: number }[];
  close(): Promise<void>;
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** A real server on loopback that notes what it was asked. */
export async function startServer(
  handler: Handler,
  credentials?: { key: string; cert: string },
): Promise<TestServer> {
  const requests: TestServer['requests'] = [];
  const listener: Handler = (request, response) => {
    requests.push({
      method: request.method!,
      url: request.url!,
      headers: request.headers,
      clientPort: request.socket.remotePort,
    });
    handler(request, response);
  };
  const server = credentials ? https.createServer(credentials, listener) : http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${credentials ? 'https' : 'http'}://${host}`,
    host,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A proxy that tunnels CONNECT and forwards whole addresses, or refuses with a status. Everything goes to loopback. */
export async function startProxy(options: { status?: number } = {}): Promise<TestServer> {
  const requests: TestServer['requests'] = [];
  const sockets = new Set<net.Socket>();
  const server = http.createServer((request, response) => {
    requests.push({ method: request.method!, url: request.url!, headers: request.headers });
    if (options.status) {
      response.writeHead(options.status).end('no');
      return;
    }
    const { host: _, 'proxy-authorization': __, ...headers } = request.headers;
    http
      .request(request.url!, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      })
      .end();
  });
  server.on('connect', (request, client: net.Socket) => {
    requests.push({ method: 'CONNECT', url: request.url!, headers: request.headers });
    if (options.status) {
      client.end(`HTTP/1.1 ${options.status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const [host, port] = request.url!.split(':');
    const upstream = net.connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connected\r\n\r\n');
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** An address where nothing listens: the port was free a moment ago. */
export async function closedAddress(): Promise<string> {
  const server = await startServer(() => {});
  await server.close();
  return server.url;
}

export interface TestAuthority {
  caPem: string;
  caPath: string;
  key: string;
  cert: string;
}

/** An authority of our own and a certificate of it for `127.0.0.1`, or for `name`. */
export async function makeAuthority(
  dir: string,
  name?: string,
  days: readonly string[] = ['-days', '2'],
): Promise<TestAuthority> {
  const { readFile } = await import('node:fs/promises');
  const path = (file: string) => join(dir, file);
  await run('openssl', [
    'req',
    '-x509',
    ...EC_KEY,
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/O=Acme Networks/CN=Acme Interception CA',
  ]);
  return {
    caPem: await readFile(path('ca.pem'), 'utf8'),
    caPath: path('ca.pem'),
    ...(await issueCertificate(dir, name, days)),
  };
}

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** One more certificate of the authority that `makeAuthority` made in this folder. One at a time. */
export async function issueCertificate(
  dir: string,
  name?: string,
  days: readonly string[] = ['-days', '2'],
): Promise<{ key: string; cert: string }> {
  const { readFile, writeFile } = await import('node:fs/promises');
  const path = (file: string) => join(dir, file);
  await run('openssl', [
    'req',
    ...EC_KEY,
    '-keyout',
    path('leaf.key'),
    '-out',
    path('leaf.csr'),
    '-subj',
    '/CN=leaf',
  ]);
  await writeFile(path('ext'), `subjectAltName=${name ? `DNS:${name}` : 'IP:127.0.0.1,DNS:localhost'}`);
  await run('openssl', [
    'x509',
    '-req',
    '-in',
    path('leaf.csr'),
    '-CA',
    path('ca.pem'),
    '-CAkey',
    path('ca.key'),
    '-CAcreateserial',
    '-extfile',
    path('ext'),
    ...days,
    '-out',
    path('leaf.pem'),
  ]);
  return {
    key: await readFile(path('leaf.key'), 'utf8'),
    cert: await readFile(path('leaf.pem'), 'utf8'),
  };
}

/** A profile that reaches nothing but what it is given. */
export function testProfile(overrides: Partial<NetworkProfile> = {}): NetworkProfile {
  return {
    indexes: [],
    findLinks: [],
    isIndexDisabled: false,
    proxies: { forHttp: null, forHttps: null, noProxy: '' },
    isOffline: false,
    pythonInstallMirror: null,
    officialMirror: 'https://mirror.example',
    githubReleases: 'https://github.example',
    modelHub: { url: 'https://hub.example', label: 'hub.example', origin: 'test' },
    retries: 3,
    connectTimeoutMs: null,
    idleTimeoutMs: null,
    credentials: [],
    netrc: [],
    certificateFiles: [],
    warnings: [],
    describe: () => [],
    ...overrides,
  };
}

export function location(url: string): PackageIndexConfig {
  const { host, protocol, pathname } = new URL(url);
  return { url, label: protocol === 'file:' ? pathname : host, origin: 'test' };
}

export const redactor = createRedactor();
