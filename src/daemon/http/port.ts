import { createServer } from 'node:net';

/**
 * A loopback port that was free a moment ago. It is not held: who takes it before the daemon does shows as a failing
 * health check.
 */
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
