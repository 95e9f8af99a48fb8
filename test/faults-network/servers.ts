import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { startServer, type TestServer } from '../fixtures/network.ts';
import type { WheelhouseFile } from '../fixtures/wheelhouse.ts';

/** What a case plants into its server; `false` leaves the request to the index. */
export type Fault = (request: IncomingMessage, response: ServerResponse, count: number) => boolean;

export const LOGIN = `Basic ${btoa('me:matrix-pass-word')}`;

/** An index that requires a login and has real files; knows ranges, as object stores do. */
export function indexListener(files: readonly WheelhouseFile[], fault: Fault): RequestListener {
  const counts = new Map<string, number>();
  return (request, response) => {
    const key = `${request.method} ${request.url}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (fault(request, response, counts.get(key)!)) return;
    if (request.headers.authorization !== LOGIN) {
      response.writeHead(401).end('who are you?');
      return;
    }
    const path = decodeURIComponent(request.url!);
    const file = files.find((entry) => path === `/files/${entry.file}`);
    if (file) sendFile(request, response, readFileSync(file.path));
    else sendPage(response, files, /^\/simple\/([^/]+)\/$/.exec(path)?.[1]);
  };
}

function sendFile(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const body = bytes.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': body.length,
    ...(from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

export function pageOf(files: readonly WheelhouseFile[], project: string | undefined): string | null {
  const listed = files.filter(
    ({ file }) =>
      file
        .split('-')[0]!
        .toLowerCase()
        .replaceAll(/[-_.]+/g, '-') === project,
  );
  if (listed.length === 0) return null;
  return listed
    .map(({ file, sha256 }) => `<a href="/files/${file}#sha256=${sha256}">${file}</a><br>`)
    .join('\n');
}

function sendPage(response: ServerResponse, files: readonly WheelhouseFile[], project: string | undefined) {
  const page = pageOf(files, project);
  response
    .writeHead(page === null ? 404 : 200, { 'content-type': 'text/html' })
    .end(page ?? 'no such project');
}

/** A server that is no HTTP server: it says something, or nothing, to whoever connects. */
export async function startRaw(onConnect: (socket: net.Socket) => void): Promise<TestServer> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    onConnect(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    requests: [],
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** A proxy that opens every tunnel to one place, whoever was asked for: what answers there is what the network shows. */
export async function startDivertingProxy(target: TestServer): Promise<TestServer> {
  return startRaw((socket) => {
    socket.once('data', (head) => {
      const asked = /^CONNECT (\S+)/.exec(head.toString('latin1'))?.[1];
      const [hostname, port] = target.host.split(':');
      const upstream = net.connect(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 Connected\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('close', () => upstream.destroy());
      if (asked === undefined) socket.destroy();
    });
  });
}

/** What a proxy answers in place of a tunnel, as it goes over the wire; `null` opens the tunnel. */
export type ProxyReply = (request: IncomingMessage) => string | null;

/** A proxy that decides for itself, may be reached over TLS, and may take its time for each tunnel. */
export async function startTalkingProxy(
  reply: ProxyReply,
  { delayMs = 0, credentials }: { delayMs?: number; credentials?: { key: string; cert: string } } = {},
): Promise<TestServer> {
  const requests: TestServer['requests'] = [];
  const sockets = new Set<net.Socket>();
  const server = credentials ? https.createServer(credentials) : http.createServer();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  server.on('connect', (request: IncomingMessage, client: net.Socket) => {
    requests.push({ method: 'CONNECT', url: request.url!, headers: request.headers });
    client.on('error', () => client.destroy());
    const answer = reply(request);
    setTimeout(() => {
      if (answer !== null) {
        client.end(answer);
        return;
      }
      const { hostname, port } = new URL(`http://${request.url}`);
      const upstream = net.connect(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
        client.write('HTTP/1.1 200 Connected\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => client.destroy());
      client.on('close', () => upstream.destroy());
    }, delayMs);
  });
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
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export { startServer };
