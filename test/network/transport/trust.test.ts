import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HandshakeError } from '../../../src/network/errors/connect-errors.ts';
import { createConnector } from '../../../src/network/transport/connector.ts';
import { quickContextOf } from '../../../src/network/transport/trust.ts';
import { makeAuthority, startServer, type TestAuthority, type TestServer } from '../../fixtures/network.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

let dir: string;
let authority: TestAuthority;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ktx-trust-'));
  authority = await makeAuthority(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const trust = () => ({ certificateFiles: [], clientCertificate: null });

describe('a connection', () => {
  let server: TestServer | null = null;
  afterEach(() => server?.close());

  /** Connects with these authorities. @returns the error, and how often each context was asked for. */
  async function connect(authorities: { quick: string[] | null; complete: string[] }) {
    server = await startServer((_, response) => response.end(), authority);
    const asked = { quick: 0, complete: 0 };
    const connector = createConnector({
      profile: { ...trust(), proxies: { forHttp: null, forHttps: null, noProxy: '' } },
      connectTimeoutMs: 60_000,
      trusted: {
        quick: () => {
          asked.quick++;
          return authorities.quick && tls.createSecureContext({ ca: authorities.quick });
        },
        complete: () => {
          asked.complete++;
          return tls.createSecureContext({ ca: authorities.complete });
        },
      },
    });
    const { hostname, port } = new URL(server.url);
    const error = await new Promise<Error | null>((resolve) => {
      connector({ hostname, port, protocol: 'https:' }, (problem, socket) => {
        socket?.destroy();
        resolve(problem);
      });
    });
    return { error, asked };
  }

  it('asks for all authorities only where the quick ones do not suffice', async () => {
    const { error, asked } = await connect({ quick: [authority.caPem], complete: [] });
    expect({ error, asked }).toEqual({ error: null, asked: { quick: 1, complete: 0 } });
  });

  it('is made when only one of all authorities knows the peer', async () => {
    const { error, asked } = await connect({ quick: [], complete: [authority.caPem] });
    expect({ error, asked }).toEqual({ error: null, asked: { quick: 1, complete: 1 } });
  });

  it('is made where there are no quick ones', async () => {
    const { error } = await connect({ quick: null, complete: [authority.caPem] });
    expect(error).toBeNull();
  });

  it('is refused when none of all knows the peer, with the issuer', async () => {
    const { error } = await connect({ quick: [], complete: [] });
    expect(error).toBeInstanceOf(HandshakeError);
    expect((error as HandshakeError).issuer).not.toBeNull();
  });
});

describe.runIf(process.platform === 'linux')('the quick authorities', () => {
  it('are those in the one file of the system', async () => {
    const bundlePath = join(await temporaryFolder(), 'all.crt');
    await writeFile(bundlePath, authority.caPem);
    expect(quickContextOf(trust(), { env: {}, bundlePath })).not.toBeNull();
  });

  it.each([{ SSL_CERT_FILE: '/x' }, { SSL_CERT_DIR: '/x' }])(
    'are not used where the system has others: %j',
    async (env) => {
      const bundlePath = join(await temporaryFolder(), 'all.crt');
      await writeFile(bundlePath, authority.caPem);
      expect(quickContextOf(trust(), { env, bundlePath })).toBeNull();
    },
  );

  it('do not exist without such a file', async () => {
    const bundlePath = join(await temporaryFolder(), 'none.crt');
    expect(quickContextOf(trust(), { env: {}, bundlePath })).toBeNull();
  });
});
