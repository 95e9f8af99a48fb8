import { createServer } from 'node:net';

/** A port that is taken on every attempt is not taken by chance. */
const MAX_ATTEMPTS = 3;
/** EADDRINUSE as reported by uvicorn, Python and Node on Linux (98), macOS (48) and Windows (10048). */
const TAKEN =
  /address already in use|EADDRINUSE|\[(?:Errno|WinError) (?:98|48|10048)\]|only one usage of each socket address/i;

/** Whether a daemon's output says that its port was taken by another program. */
export function isPortTaken(printed: string): boolean {
  return TAKEN.test(printed);
}

/**
 * Starts a daemon on a free port. A start takes seconds, during which the port may be assigned to another
 * program, even for an outgoing connection; then another port is tried.
 * @param isTaken whether the start failed because the port was taken; all other failures are rethrown.
 */
export async function onFreePort<T>(
  start: (port: number) => Promise<T>,
  isTaken: (error: unknown) => boolean,
  allocatePort: () => number | Promise<number> = allocateDaemonPort,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await allocatePort());
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !isTaken(error)) throw error;
    }
  }
}

/** A loopback port that was free a moment ago. Not reserved, see `onFreePort`. */
export async function allocateDaemonPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null
          ? resolve(address.port)
          : reject(new Error('Failed to allocate a daemon port')),
      );
    });
  });
}
