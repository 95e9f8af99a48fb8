import type { Dispatcher } from 'undici';
import { createConnector } from './connector.ts';
import type { NetworkProfile } from './profile.ts';

const MAX_CONNECTIONS_PER_HOST = 4;

export interface Agents {
  direct: Dispatcher;
  /** For plain http through a proxy, which is a request to the proxy itself with a whole address in it. */
  forwarding: Dispatcher;
}

/** Loads undici. */
export async function openAgents(
  profile: NetworkProfile,
  timeouts: { connectTimeoutMs: number; idleTimeoutMs: number },
): Promise<Agents> {
  const { connectTimeoutMs, idleTimeoutMs } = timeouts;
  const { Agent, buildConnector } = await import('./undici.ts');
  const common = {
    connections: MAX_CONNECTIONS_PER_HOST,
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
    keepAliveTimeout: 10_000,
    allowH2: false,
  };
  const connect = createConnector({ build: buildConnector, profile, connectTimeoutMs });
  return {
    direct: new Agent({ ...common, connect }),
    forwarding: new Agent({
      ...common,
      connect: createConnector({
        build: buildConnector,
        // The way to a proxy must not lead through the other proxy.
        profile: { ...profile, proxies: { forHttp: null, forHttps: null, noProxy: '' } },
        connectTimeoutMs,
      }),
    }),
  };
}
