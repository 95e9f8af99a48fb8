import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface EgressGuard {
  /** For `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY` of children. */
  url: string;
  /** Every host that a child tried to reach, with the number of attempts. */
  attempts(): ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/**
 * A loopback proxy that refuses every request and records the host. Children get it instead of the user's
 * proxies: an install that is offline by design should contact no host, so each attempt is worth reporting. A
 * tripwire, not a sandbox: a child that ignores the proxy variables is not stopped.
 * @param onAttempt called with `host[:port]`, once per host.
 */
export async function startEgressGuard(onAttempt: (host: string) => void): Promise<EgressGuard> {
  const attempts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const refuse = (host: string) => {
    const count = attempts.get(host) ?? 0;
    attempts.set(host, count + 1);
    if (count === 0) onAttempt(host);
  };
  const server = createServer((request, response) => {
    refuse(hostOf(request.url, request.headers.host));
    response.writeHead(403, { connection: 'close' }).end('ktx: no network while the runtime is built\n');
  });
  server.on('connect', (request, socket) => {
    refuse(request.url?.replace(/:443$/, '') ?? 'unknown');
    socket.end(
      'HTTP/1.1 403 No network while the runtime is built\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    );
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  // SOCKS and other protocols: the host is unknown, but it was an attempt.
  server.on('clientError', (_error, socket) => {
    refuse('a host that was not asked for over HTTP');
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  // The children keep the install alive; the guard alone must not.
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    attempts: () => attempts,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function hostOf(url: string | undefined, header: string | undefined): string {
  if (url && URL.canParse(url)) return new URL(url).host;
  return header ?? 'unknown';
}
