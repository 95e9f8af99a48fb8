import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { errorCode, errorMessage, type FailureClass, SetupError } from '../../support/errors.ts';
import { otherRemedy } from '../../support/remedies.ts';

/** A machine answers itself within a millisecond; a firewall that drops packets never does. */
const TIMEOUT_MS = 3000;

/** The result of connecting to this machine itself. */
export type LoopbackFinding =
  | { problem: null }
  | { problem: 'listen' | 'connect'; code: string | null; detail: string };

/** Opens a port on 127.0.0.1 and connects to it. Never rejects. */
export async function tryLoopback(timeoutMs: number = TIMEOUT_MS): Promise<LoopbackFinding> {
  const server = createServer((socket) => {
    // The peer may already be gone, which does not matter.
    socket.on('error', () => {});
    socket.end();
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
  } catch (error) {
    return { problem: 'listen', code: errorCode(error) ?? null, detail: errorMessage(error) };
  }
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  try {
    return await new Promise<LoopbackFinding>((resolve) => {
      const fail = (code: string | null, detail: string) => resolve({ problem: 'connect', code, detail });
      socket.setTimeout(timeoutMs, () => fail('ETIMEDOUT', `no answer within ${timeoutMs / 1000} s`));
      socket.on('error', (error) => fail(errorCode(error) ?? null, error.message));
      socket.once('connect', () => resolve({ problem: null }));
    });
  } finally {
    socket.destroy();
    server.close();
  }
}

/**
 * Daemon and clients communicate over 127.0.0.1. Where that is broken, there is no point in waiting.
 * @throws SetupError saying why this machine cannot connect to itself.
 */
export async function assertLoopback(): Promise<void> {
  const finding = await tryLoopback();
  if (finding.problem !== null) throw loopbackError(finding, hasLoopbackInterface(), process.platform);
}

/** True as well where this machine does not tell, as on Android: then the interface is not to blame. */
export function hasLoopbackInterface(read: typeof networkInterfaces = networkInterfaces): boolean {
  try {
    return Object.values(read())
      .flat()
      .some((address) => address?.internal === true && address.family === 'IPv4');
  } catch {
    return true;
  }
}

/** Distinguishes a missing interface, a sandbox and a firewall. Pure. */
export function loopbackError(
  { problem, code, detail }: Exclude<LoopbackFinding, { problem: null }>,
  isInterfaceUp: boolean,
  platform: NodeJS.Platform,
): SetupError {
  const evidence = [`${problem === 'listen' ? 'opening' : 'connecting to'} a port on 127.0.0.1: ${detail}`];
  const error = (title: string, failureClass: FailureClass, ...remedies: Parameters<typeof otherRemedy>[]) =>
    new SetupError(`${title}, and the runtime answers on 127.0.0.1 alone.`, {
      failureClass,
      evidence,
      remedies: remedies.map((each) => otherRemedy(...each)),
    });
  if (code === 'EPERM' || code === 'EACCES')
    return error(
      `This process may not ${problem === 'listen' ? 'open a port' : 'connect'} on this machine`,
      'permission',
      [
        'Allow it in the sandbox, container or security policy that it runs in, then run',
        { afterwards: ['ktx', 'setup'] },
      ],
    );
  if (code === 'EMFILE' || code === 'ENFILE' || code === 'ENOBUFS')
    return error('No further port can be opened', 'platform', [
      'End programs that hold many connections, or raise the limit (ulimit -n), then run',
      { afterwards: ['ktx', 'setup'] },
    ]);
  if (!isInterfaceUp || code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL')
    return error('The loopback interface of this machine is down', 'platform', [
      'Bring it up, as its administrator',
      { ...(UP[platform] && { argv: UP[platform] }), afterwards: ['ktx', 'setup'] },
    ]);
  return error('Something keeps this machine from connecting to itself', 'platform', [
    'Allow connections to 127.0.0.1 in the firewall or security program of this machine, then run',
    { afterwards: ['ktx', 'setup'] },
  ]);
}

const UP: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['ip', 'link', 'set', 'lo', 'up'],
  darwin: ['ifconfig', 'lo0', 'up'],
};
